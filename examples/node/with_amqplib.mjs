// Note what happens to enrolments, one line for each of Tandem's events, with amqplib and
// cloudevents.
//
//     npm install amqplib cloudevents
//     node with_amqplib.mjs live amqp://user:password@host/vhost enrolments.jsonl
//     node with_amqplib.mjs replay amqp://user:password@host/vhost enrolments.jsonl
//
// ../README.md says what `live` and `replay` do, and why no event is lost or noted twice.
import { appendFileSync, readFileSync, truncateSync } from "node:fs";
import amqplib from "amqplib";
import { CloudEvent } from "cloudevents";

const QUEUE = "records.enrolments";
const TYPES = "tandem.catalog.enrolment.";
const PREFIX = "cloudEvents_";
// RabbitMQ 4 would drop an event that came 20 times, as it does if the program ends at it.
const KEPT = { "x-queue-type": "quorum", "x-delivery-limit": 2 ** 31 - 1 };

const [mode, url, path, given] = process.argv.slice(2); // given: a queue that Tandem declares
const seen = new Set();
let last;
readBack();

// Read our own lines. A line without an end was not written as a whole, so it is removed.
function readBack() {
  appendFileSync(path, ""); // it is there from now
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf("\n") + 1;
  truncateSync(path, end);
  for (const line of bytes.subarray(0, end).toString().split("\n").filter(Boolean)) {
    const noted = JSON.parse(line);
    seen.add(noted.id);
    last = noted.place ?? last;
  }
}

// Return a message as a CloudEvent, which checks the attributes.
function asEvent({ content, properties }) {
  const headers = Object.entries(properties.headers).filter(([name]) => name.startsWith(PREFIX));
  const attributes = headers.map(([name, value]) => [name.slice(PREFIX.length), value]);
  const datacontenttype = properties.contentType;
  const data = JSON.parse(content);
  return new CloudEvent({ ...Object.fromEntries(attributes), datacontenttype, data });
}

// Note an event once: what happened, the id and the place in the history are one line.
function note(event, place) {
  if (seen.has(event.id)) return;
  const { id, type, data } = event;
  const line = JSON.stringify({ id, type, run: data.runId, place }) + "\n";
  appendFileSync(path, line, { flush: true });
  seen.add(id);
}

const connection = await amqplib.connect(url);
connection.on("close", () => process.exit(1));
const channel = await connection.createChannel();
await channel.prefetch(100);
if (mode === "live" && given) {
  await channel.consume(given, onMessage);
} else if (mode === "live") {
  await channel.assertQueue(QUEUE, { durable: true, arguments: KEPT });
  await channel.bindQueue(QUEUE, "tandem.events", TYPES + "#");
  await channel.consume(QUEUE, onMessage);
} else {
  const from = { "x-stream-offset": last ?? "first" };
  await channel.consume("tandem.history", onMessage, { arguments: from });
}

// Acknowledge an event once it is noted; an error ends the program before that.
function onMessage(message) {
  const place = message.properties.headers["x-stream-offset"];
  if (place !== undefined && last !== undefined && place !== last) {
    throw new Error(`the history no longer has the events after ${last}`);
  }
  last = undefined; // the history begins with the event that we noted last
  if (message.properties.headers[`${PREFIX}type`]?.startsWith(TYPES)) {
    note(asEvent(message), place);
  }
  channel.ack(message);
}
