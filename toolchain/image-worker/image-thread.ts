import { parentPort } from "node:worker_threads";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { compileImage } from "../image/compile-image.js";
import type { ImageAnswer, ImageJob, ImageResult } from "./image-job.js";

/*
 * Program of a thread of the image workers: one job after the other.
 */

async function carryOut(job: ImageJob): Promise<ImageResult> {
  if (job.kind === "prepare") {
    return compileImage(job.wasm, job.limits);
  }
  // Loaded when first needed: a node never translates.
  const { translateModule } = await import("../translate/translate.js");
  return translateModule(job.wasm, { maxMemoryBytes: job.maxMemoryBytes });
}

async function answer(job: ImageJob): Promise<ImageAnswer> {
  try {
    return { ok: true, result: await carryOut(job) };
  } catch (error) {
    const code = error instanceof EdgelessError ? error.code : "EDGELESS_INTERNAL";
    return { ok: false, code, message: reasonOf(error) };
  }
}

/** The prepared module is given away, because copying it would take the time of the thread that receives it. */
function transferred(answer: ImageAnswer): ArrayBuffer[] {
  const buffer = answer.ok && "image" in answer.result ? answer.result.image.module.buffer : undefined;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

if (parentPort !== null) {
  const port = parentPort;
  port.on("message", async (job: ImageJob) => {
    const result = await answer(job);
    port.postMessage(result, transferred(result));
  });
}
