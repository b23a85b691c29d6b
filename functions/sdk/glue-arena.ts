import { forgetSince, mark } from "./arena-runtime";
import { allocate } from "./memory";
import { dropKeptReply, forgetReceived } from "./reply";

// What the host calls, for functions whose objects never outlive an event: memory is a stack of blocks that shrinks
// back to a marker when the next event comes.

let marker: usize = 0;

/** The host reserves room for its inputs. */
export function edgeless_mem_alloc(len: usize): usize {
  return allocate(len);
}

/** Nothing: the next event takes everything back. */
export function edgeless_mem_free(ptr: usize, len: usize): void {}

/** A new event is about to come: forgets all blocks made since `endInit`. */
export function edgeless_mem_clear(): void {
  dropKeptReply();
  forgetSince(marker);
}

/** Nothing to collect; the reply to the last call is gone with the rest. */
export function endEvent(): void {
  forgetReceived();
}

/** What the top-level code and the init handler made stays. */
export function endInit(): void {
  forgetReceived();
  marker = mark();
}
