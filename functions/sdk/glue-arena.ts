import { dropKeptReply, forgetReceived } from "./reply";
import { allocate } from "./memory";

// What the host calls, for functions whose objects never outlive an event: memory is a stack of blocks that shrinks
// back to a marker when the next event comes. Only for the runtime `stub`, whose blocks carry their size in the
// word before them and whose last block really goes away when it is freed.

let marker: usize = heap.alloc(1);

/** The host reserves room for its inputs. */
export function edgeless_mem_alloc(len: usize): usize {
  return allocate(len);
}

/** Nothing: the next event takes everything back. */
export function edgeless_mem_free(ptr: usize, len: usize): void {}

/** A new event is about to come: forgets all blocks made since `endInit`. */
export function edgeless_mem_clear(): void {
  dropKeptReply();
  const last = heap.alloc(1);
  // Stretches the marker's block to the end of the last one, so that freeing it frees all between.
  store<usize>(marker - sizeof<usize>(), last + load<usize>(last - sizeof<usize>()) - marker);
  heap.free(marker);
  marker = heap.alloc(1);
}

/** Nothing to collect; the reply to the last call is gone with the rest. */
export function endEvent(): void {
  forgetReceived();
}

/** What the init handler made stays. */
export function endInit(): void {
  forgetReceived();
  marker = heap.alloc(1);
}
