import type { FlashStorage } from "./hardware.js";

/** What `call_asm` and `call_raw_asm` return when the answer is not there yet: the guest is then suspended. */
export const SUSPEND = -1;

/**
 * The functions that a guest may import (EDGELESS guest ABI). Addresses and lengths may come signed; the delay is a number
 * of milliseconds. They are called as methods. Whatever they throw must end the guest and come out of `run` or `resume`.
 */
export interface GuestImports {
  cast_asm(channel: number, channelLength: number, payload: number, payloadLength: number): void;
  cast_raw_asm(nodeId: number, componentId: number, payload: number, payloadLength: number): void;
  /** Result code of the guest ABI, or {@link SUSPEND}. */
  call_asm(
    channel: number,
    channelLength: number,
    payload: number,
    payloadLength: number,
    outPointer: number,
    outLength: number,
  ): number;
  /** As {@link GuestImports.call_asm}. */
  call_raw_asm(
    nodeId: number,
    componentId: number,
    payload: number,
    payloadLength: number,
    outPointer: number,
    outLength: number,
  ): number;
  delayed_cast_asm(
    delayMs: number,
    channel: number,
    channelLength: number,
    payload: number,
    payloadLength: number,
  ): void;
  telemetry_log_asm(
    level: number,
    target: number,
    targetLength: number,
    message: number,
    messageLength: number,
  ): void;
  slf_asm(outNodeId: number, outComponentId: number): void;
  sync_asm(state: number, stateLength: number): void;
}

/** A loaded function. What it throws (a {@link DeviceFault} when the reason is known) ends it. */
export interface Guest {
  /** True after `run` or `resume` when the guest waits for the answer to a call. */
  suspended: boolean;
  /** The linear memory as it is now. */
  memory(): Uint8Array;
  /** Calls an export by its number (`guest-exports.ts`); 0 when it has no result. May be used from inside an import and from `resume`. */
  run(entry: number, a?: number, b?: number, c?: number, d?: number, e?: number, f?: number): number;
  /** Goes on with a suspended guest; `result` runs when its stack is back and gives the result code of its call. */
  resume(result: () => number): number;
  /** Gives back what the guest holds. */
  close(): void;
}

/** Runs function images of one kind. */
export interface Engine {
  /** RUNTIME_WASM or RUNTIME_JS of `coap-api/operations/register.ts`. */
  readonly runtime: number;
  /**
   * Loads an image and runs its top-level code.
   * @param storage holds the image as the block `name`
   * @param maxRunTimeMs bound for each handler
   * @throws DeviceFault when the image cannot run here
   */
  load(
    storage: FlashStorage,
    name: string,
    imports: GuestImports,
    maxMemoryBytes: number,
    maxRunTimeMs: number,
  ): Guest;
}
