import { release } from "./memory";
import { readUtf8, utf8Bound, writeUtf8 } from "./text";

/**
 * Where a host puts address and length of a reply: the address at 0, the length at 8. Hosts of 64 bits store the
 * length with 8 bytes, so nothing may follow it directly.
 */
export const REPLY_SLOTS: usize = memory.data(16);

let receivedCode: i32 = 0;

/** Notes the result code of a call import; codes other than 0 and 1 mean error. */
export function received(code: i32): i32 {
  receivedCode = code;
  return code;
}

/** Address of the reply to the last call; valid until the next call or the end of the handler. */
export function replyPtr(): usize {
  return load<u32>(REPLY_SLOTS);
}

/** Length in bytes of the reply to the last call. */
export function replyLen(): usize {
  return load<u32>(REPLY_SLOTS + 8);
}

/** Gives the reply to the last call back to the allocator: the function owns it, not the host. */
export function releaseReceived(): void {
  if (receivedCode == 1) release(replyPtr(), replyLen());
  receivedCode = 0;
}

/** Forgets the reply to the last call without releasing it. */
export function forgetReceived(): void {
  receivedCode = 0;
}

/** What a call is answered with, both ways: returned by `onCall`, returned to the caller of `call`. */
export class Reply {
  /** 0 no reply, 1 a text, 2 error. */
  readonly code: i32;
  /** The text; empty when there is none. */
  readonly text: string;
  /** The text as UTF-8, when it was made of bytes. */
  content: ArrayBuffer | null = null;

  constructor(code: i32, text: string) {
    this.code = code;
    this.text = text;
  }

  /** Handled, nothing to say. */
  static none(): Reply {
    return new Reply(0, "");
  }

  /** Answers with a text, which may be empty. */
  static text(text: string): Reply {
    return new Reply(1, text);
  }

  /** The call failed. */
  static error(): Reply {
    return new Reply(2, "");
  }

  /** Answers with `len` bytes of UTF-8 at `ptr`, which are copied. */
  static bytes(ptr: usize, len: usize): Reply {
    const reply = new Reply(1, "");
    const content = newBuffer(len);
    memory.copy(changetype<usize>(content), ptr, len);
    reply.content = content;
    return reply;
  }

  /** Copies the reply to the last call out of the block the host placed. */
  static received(code: i32): Reply {
    const text = code == 1 ? readUtf8(replyPtr(), replyLen()) : "";
    releaseReceived();
    return new Reply(code, text);
  }

  /** True when there is no answer: the callee failed, was stopped, or did not answer in time. */
  get isError(): boolean {
    return this.code > 1 || this.code < 0;
  }

  /** True when there is a text, even an empty one. */
  get hasText(): boolean {
    return this.code == 1;
  }
}

/** Keeps the bytes of a reply alive: the host copies them only after the handler has returned. */
let kept: ArrayBuffer | null = null;

/** Drops the reply of the event before. */
export function dropKeptReply(): void {
  kept = null;
}

/** Stores a reply where the host looks for it and returns the result code of `handle_call_asm`. */
export function giveReply(reply: Reply, ptrSlot: usize, lenSlot: usize): i32 {
  if (reply.code != 1) return reply.code;
  let content = reply.content;
  let length: usize = 0;
  if (content === null) {
    content = newBuffer(utf8Bound(reply.text));
    length = writeUtf8(reply.text, changetype<usize>(content));
  } else length = content.byteLength;
  kept = content;
  store<u32>(ptrSlot, <u32>changetype<usize>(content));
  store<u32>(lenSlot, <u32>length);
  return 1;
}

function newBuffer(size: usize): ArrayBuffer {
  return changetype<ArrayBuffer>(__new(size, idof<ArrayBuffer>()));
}
