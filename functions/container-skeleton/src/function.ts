import { setTimeout as delay } from "node:timers/promises";
import type { Edgeless, EdgelessFunction } from "./edgeless/function.js";

/** Your function: this one sends each cast on after a second and answers each call with what it was asked. */
export function createFunction(edgeless: Edgeless): EdgelessFunction {
  let count = 0;
  return {
    async init(payload, state) {
      count = Number(state ?? 0);
      await edgeless.log("info", `starts with payload "${payload}", ${count} messages so far`);
    },
    async cast(_source, message) {
      await delay(1000);
      await edgeless.cast("output", message);
      count++;
      await edgeless.sync(String(count));
    },
    async call(_source, message) {
      return message;
    },
    async stop() {
      await edgeless.log("info", `stops after ${count} messages`);
    },
  };
}
