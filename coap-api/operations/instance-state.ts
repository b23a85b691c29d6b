import type { CborReader } from "../cbor/cbor-reader.js";
import type { CborWriter } from "../cbor/cbor-writer.js";

/** States of an instance on a device; other numbers are values of a newer edition. */
export const STARTING = 0;
export const RUNNING = 1;
export const CRASHED = 2;
export const FAILED = 3;

/** Where one instance on a device stands. */
export interface InstanceState {
  handle: number;
  state: number;
  /** How often it was started again. */
  restarts: number;
  /** Why it does not run; empty when it does. */
  reason: string;
}

/** Writes the states as an array of `[handle, state, restarts, reason]`. */
export function writeInstanceStates(writer: CborWriter, states: readonly InstanceState[]): void {
  writer.array(states.length);
  for (let i = 0; i < states.length; i++) {
    const { handle, state, restarts, reason } = states[i] as InstanceState;
    writer.array(4).integer(handle).integer(state).integer(restarts).text(reason);
  }
}

/** @throws WireFault */
export function readInstanceStates(reader: CborReader): InstanceState[] {
  const states: InstanceState[] = [];
  for (let left = reader.array(); left > 0; left--) {
    reader.arrayOf(4);
    const handle = reader.unsigned();
    const state = reader.unsigned();
    const restarts = reader.unsigned();
    states.push({ handle, state, restarts, reason: reader.text() });
  }
  return states;
}
