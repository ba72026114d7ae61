// What the official parser finds in an AsyncAPI document: read.mjs FILE
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
console.log(JSON.stringify({
  faults: diagnostics.map(({ severity, path, message }) => ({ severity, path: path.join("."), message })),
  sent: document?.operations().filterBySend().map((operation) => ({
    address: operation.channels().all()[0].address(),
    messages: operation.messages().all().map((message) => message.name()),
  })) ?? [],
}));
