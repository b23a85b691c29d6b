import { ByteReader } from "../wasm/byte-reader.js";
import { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import type { FunctionBody } from "../wasm/wasm-module.js";

/** Stands for the offset of the function itself. */
export const WHOLE_FUNCTION = -1;

/** The locals that are assigned inside each construct of a function, by the offset of its instruction. */
export function scanConstructs(
  bytes: Uint8Array,
  body: FunctionBody,
): ReadonlyMap<number, ReadonlySet<number>> {
  const constructs = new Map<number, ReadonlySet<number>>();
  const whole = new Set<number>();
  const open: Set<number>[] = [whole];
  constructs.set(WHOLE_FUNCTION, whole);
  const instruction = new LiveInstructions(new ByteReader(bytes, body.start, body.end));
  while (instruction.next()) {
    const inside = open[open.length - 1];
    switch (instruction.opcode) {
      case Op.block:
      case Op.loop:
      case Op.if: {
        const assigned = new Set<number>();
        constructs.set(instruction.start, assigned);
        open.push(assigned);
        break;
      }
      case Op.localSet:
      case Op.localTee:
        inside?.add(instruction.index);
        break;
      case Op.end: {
        open.pop();
        const outside = open[open.length - 1];
        for (const local of inside ?? []) {
          outside?.add(local);
        }
      }
    }
  }
  return constructs;
}
