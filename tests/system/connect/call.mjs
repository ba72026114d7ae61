// A stock Connect client, with nothing of Tandem but its contracts: a file descriptor set.
//
// node call.mjs DESCRIPTORS URL TOKEN json|binary   prints what each call ended with, as JSON.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

const [descriptors, baseUrl, token, form] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const service = registry.getService("tandem.catalog.v1.CatalogService");
const badRequest = registry.getMessage("google.rpc.BadRequest");

function client(bearer) {
  const authorize = (next) => (request) => {
    if (bearer) request.header.set("authorization", `Bearer ${bearer}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    useBinaryFormat: form === "binary",
    interceptors: [authorize],
  });
  return createClient(service, transport);
}

async function outcome(call) {
  try {
    return { ok: await call() };
  } catch (error) {
    const found = ConnectError.from(error);
    const faults = found.findDetails(badRequest).flatMap((each) => each.fieldViolations);
    return {
      code: Code[found.code],
      requestId: found.metadata.get("x-request-id"),
      fields: faults.map((each) => each.field),
    };
  }
}

const ours = client(token);
const course = { requestId: `node-${form}`, code: `NODE-${form}`, title: "\u00dcber Wellen" };
const results = {
  created: await outcome(async () => {
    const answer = await ours.createCourse(course, { timeoutMs: 20000 });
    return toJson(service.method.createCourse.output, answer);
  }),
  faulty: await outcome(() => ours.createCourse({ code: "x".repeat(2000), title: "" })),
  absent: await outcome(() => ours.getCourse({ courseId: "none" })),
  stranger: await outcome(() => client("").getCourse({ courseId: "none" })),
};
console.log(JSON.stringify(results));
