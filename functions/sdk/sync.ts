import { sync_asm } from "./env";
import { allocate, release } from "./memory";
import { utf8Bound, writeUtf8 } from "./text";

/**
 * Hands the whole state to the host, which replaces what it kept before and gives it to `onInit` when this function is started
 * again on the same node. An empty text is no state.
 */
export function sync(state: string): void {
  const bound = utf8Bound(state);
  const ptr = allocate(bound);
  sync_asm(ptr, writeUtf8(state, ptr));
  release(ptr, bound);
}
