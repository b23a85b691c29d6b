/** Source of a new function: casts twice what it gets. */
export function functionSource(name: string): string {
  return `import { EdgeFunction, Event, log, Output } from "edgeless";

const result = new Output("result");

/** Casts twice the number it gets. */
@edgeFunction
class ${className(name)} extends EdgeFunction {
  onCast(event: Event): void {
    const value = event.i32();
    if (event.ok) result.cast((value * 2).toString());
    else log.warn("not a number: " + event.text);
  }
}
`;
}

/** Test of that function, for `edgeless function test`. */
export function functionTestSource(name: string): string {
  return `import assert from "node:assert/strict";
import test from "node:test";
import { loadFunction } from "edgeless-ts/testing";

const file = new URL("./${name}.wasm", import.meta.url);

test("casts twice the number it gets", async () => {
  const instance = await loadFunction(file);
  await instance.cast("21");
  assert.deepEqual(instance.sent(), [["cast", "result", "42"]]);
});

test("ignores what is no number", async () => {
  const instance = await loadFunction(file);
  await instance.cast("x");
  assert.deepEqual(instance.sent(), []);
});
`;
}

/** Workflow with that function: what is posted to the node goes in, what comes out goes to a log file. */
export function functionWorkflow(name: string): string {
  return `{
  "functions": [
    {
      "name": "${name}",
      "class_specification": {
        "id": "${name}",
        "function_type": "RUST_WASM",
        "version": "0.1",
        "code": "${name}.wasm",
        "outputs": ["result"]
      },
      "output_mapping": { "result": "log" },
      "annotations": {}
    }
  ],
  "resources": [
    {
      "name": "http",
      "class_type": "http-ingress",
      "output_mapping": { "new_request": "${name}" },
      "configurations": { "async": "true" }
    },
    {
      "name": "log",
      "class_type": "file-log",
      "output_mapping": {},
      "configurations": { "filename": "${name}.log" }
    }
  ],
  "annotations": {}
}
`;
}

/** Names that the SDK and the source above give to something else. */
const TAKEN: ReadonlySet<string> = new Set([
  "Args",
  "ByteWriter",
  "EdgeFunction",
  "Event",
  "InstanceId",
  "Lcg",
  "NumberError",
  "Output",
  "Reply",
]);

/** `hello_world` becomes `HelloWorld`; a name that means something already, as `event`, `EventFunction`. */
function className(name: string): string {
  const joined = name
    .split(/[_-]+/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
  return TAKEN.has(joined) || joined in globalThis ? `${joined}Function` : joined;
}
