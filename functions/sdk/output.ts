import { call_asm, cast_asm, delayed_cast_asm } from "./env";
import { allocate, release } from "./memory";
import { Reply, REPLY_SLOTS, received, releaseReceived } from "./reply";
import { utf8Bound, writeUtf8 } from "./text";

/**
 * An output channel. Make one per channel at the top of the file, with the name as literal: the build tool lists
 * those names under `outputs` of `function.json`.
 */
export class Output {
  /** Address of the name in UTF-8. */
  readonly namePtr: usize;
  /** Length of the name in bytes. */
  readonly nameLen: usize;

  /** @param name of the channel, as the workflow maps it */
  constructor(name: string) {
    const ptr = allocate(utf8Bound(name));
    this.namePtr = ptr;
    this.nameLen = writeUtf8(name, ptr);
  }

  /** Makes a channel of a name that is UTF-8 already; the build tool does this for names given as literals. */
  static ofBytes(namePtr: usize, nameLen: usize): Output {
    const output = changetype<Output>(__new(offsetof<Output>(), idof<Output>()));
    store<usize>(changetype<usize>(output), namePtr, offsetof<Output>("namePtr"));
    store<usize>(changetype<usize>(output), nameLen, offsetof<Output>("nameLen"));
    return output;
  }

  /** Makes the channels `prefix0` … `prefix(count-1)`; with literals the build tool lists them as outputs. */
  static range(prefix: string, count: i32): Output[] {
    const outputs: Output[] = [];
    for (let i = 0; i < count; i++) outputs.push(new Output(prefix + i.toString()));
    return outputs;
  }

  /** Sends a text, fire and forget. An unmapped channel drops it. */
  cast(text: string): void {
    const bound = utf8Bound(text);
    const ptr = allocate(bound);
    this.castBytes(ptr, writeUtf8(text, ptr));
    release(ptr, bound);
  }

  /** Sends `len` bytes of UTF-8 at `ptr`, fire and forget. */
  castBytes(ptr: usize, len: usize): void {
    cast_asm(this.namePtr, this.nameLen, ptr, len);
  }

  /**
   * Sends a text and waits for the answer; no other event is handled meanwhile. Nodes of this project end the call with an
   * error after 30 s, or when the callee is gone.
   * An unmapped channel ends this instance, so do not call from `onInit`: the mapping may not be there yet.
   */
  call(text: string): Reply {
    const bound = utf8Bound(text);
    const ptr = allocate(bound);
    const code = this.callBytes(ptr, writeUtf8(text, ptr));
    release(ptr, bound);
    return Reply.received(code);
  }

  /**
   * Sends `len` bytes of UTF-8 at `ptr` and waits. Same warning as `call`.
   * @returns 0 no reply, 1 a reply of `replyLen()` bytes at `replyPtr()`, otherwise error
   */
  callBytes(ptr: usize, len: usize): i32 {
    releaseReceived();
    return received(call_asm(this.namePtr, this.nameLen, ptr, len, REPLY_SLOTS, REPLY_SLOTS + 8));
  }

  /**
   * Sends a text after `delay` milliseconds, 0 or more. The target is looked up now, and an unmapped channel ends this
   * instance: from `onInit` use it on `self` only.
   */
  delayedCast(delay: u64, text: string): void {
    const bound = utf8Bound(text);
    const ptr = allocate(bound);
    this.delayedCastBytes(delay, ptr, writeUtf8(text, ptr));
    release(ptr, bound);
  }

  /** Sends `len` bytes of UTF-8 at `ptr` after `delay` milliseconds. Same warning as `delayedCast`. */
  delayedCastBytes(delay: u64, ptr: usize, len: usize): void {
    delayed_cast_asm(delay, this.namePtr, this.nameLen, ptr, len);
  }
}
