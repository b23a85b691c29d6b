import type { Output } from "../coap-api/operations/outputs.js";

/** An event on its way to an instance of the device. */
export interface Delivery {
  /** CAST or CALL. */
  kind: number;
  payload: Uint8Array;
  /** Number that the gateway gave the sender, 0 for nobody; NONE when the sender is an instance of the device. */
  peer: number;
  /** Handle of the sender when it is an instance of the device; else NONE. */
  from: number;
  /** Stream of a call. */
  stream: number;
}

/** A function or resource that was started on the device. */
export interface Instance {
  readonly handle: number;
  /** FUNCTION or RESOURCE. */
  readonly kind: number;
  /** UUID, 16 bytes. */
  readonly id: Uint8Array;
  /** What the gateway recognises it by, 8 bytes. */
  readonly tag: Uint8Array;
  outputs: Output[];
  /** STARTING, RUNNING or CRASHED. */
  state: number;
  /** Always 0: a device starts nothing again by itself, its gateway does. */
  readonly restarts: number;
  /** Why it crashed; empty otherwise. */
  reason: string;
  /** The gateway does not know the state yet. */
  unreported: boolean;
  /** Stream of the call whose answer it waits for; NONE: no call. */
  callStream: number;
  /** True when it can handle or keep one more event. */
  hasRoom(): boolean;
  /** Takes an event, whose payload stays as it is: a function handles it in a turn of its own, a resource at once. */
  take(delivery: Delivery): void;
  /** Takes the answer to its call; it goes on in its next turn. */
  answer(kind: number, payload: Uint8Array): void;
  /** True when {@link turn} has something to do. */
  isReady(): boolean;
  /** Handles one thing that waits. */
  turn(): void;
  /** New outputs are in place. */
  wired(): void;
  /** Ends it for good. */
  stop(): void;
}
