import { reasonOf } from "../../core/errors.js";
import type { CompileTask } from "./compilation.js";
import { compile } from "./compile.js";

/** A task with the number that its answer carries. */
export interface CompilerRequest {
  readonly number: number;
  readonly task: CompileTask;
}

// One task after the other: the compiler keeps global state.
let last: Promise<void> = Promise.resolve();

process.on("message", (request: CompilerRequest) => {
  last = last.then(async () => {
    try {
      process.send?.({ number: request.number, compilation: await compile(request.task) });
    } catch (thrown) {
      process.send?.({ number: request.number, failure: reasonOf(thrown) });
    }
  });
});
process.on("disconnect", () => process.exit(0));
