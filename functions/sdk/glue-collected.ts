import { allocate, release } from "./memory";
import { dropKeptReply, releaseReceived } from "./reply";

// What the host calls, for functions with a collector.

/** The host reserves room for its inputs, also while a handler waits in a call: never collect here. */
export function edgeless_mem_alloc(len: usize): usize {
  return allocate(len);
}

/** The host is done with an input. */
export function edgeless_mem_free(ptr: usize, len: usize): void {
  release(ptr, len);
}

/** A new event is about to come. */
export function edgeless_mem_clear(): void {
  dropKeptReply();
}

/** After a handler no managed value is on the stack, so collecting is precise without a shadow stack. */
export function endEvent(): void {
  releaseReceived();
  __collect();
}

/** After the init handler. */
export function endInit(): void {
  endEvent();
}
