import { call_raw_asm, cast_raw_asm, slf_asm } from "./env";
import { Reply, REPLY_SLOTS, received, releaseReceived } from "./reply";
import { allocate, release } from "./memory";
import { utf8Bound, writeUtf8 } from "./text";

/**
 * A physical instance: 16 bytes of node id, then 16 bytes of function id, both in text order.
 * Ids go stale when the instance they name migrates; prefer channels where there is one.
 */
export class InstanceId {
  // Eight words make the object itself the 32 bytes that the host reads and writes.
  private w0: u32 = 0;
  private w1: u32 = 0;
  private w2: u32 = 0;
  private w3: u32 = 0;
  private w4: u32 = 0;
  private w5: u32 = 0;
  private w6: u32 = 0;
  private w7: u32 = 0;

  /** Copies an id from two places of 16 bytes each. */
  static read(node: usize, component: usize): InstanceId {
    const id = new InstanceId();
    memory.copy(id.nodePtr, node, 16);
    memory.copy(id.functionPtr, component, 16);
    return id;
  }

  /** Address of the 16 bytes of the node id. */
  get nodePtr(): usize {
    return changetype<usize>(this);
  }

  /** Address of the 16 bytes of the function id. */
  get functionPtr(): usize {
    return changetype<usize>(this) + 16;
  }

  /** The node id as hyphenated lower-case UUID. */
  get nodeId(): string {
    return uuidText(this.nodePtr);
  }

  /** The function (or resource) id as hyphenated lower-case UUID. */
  get functionId(): string {
    return uuidText(this.functionPtr);
  }

  /** True when both name the same instance. */
  equals(other: InstanceId): boolean {
    return memory.compare(this.nodePtr, other.nodePtr, 32) == 0;
  }

  /** `InstanceId(node_id: …, function_id: …)`, the text that EDGELESS programs print. */
  toString(): string {
    return "InstanceId(node_id: " + this.nodeId + ", function_id: " + this.functionId + ")";
  }

  /** Casts a text to this instance. Lost without notice when the instance is gone. */
  castRaw(text: string): void {
    const bound = utf8Bound(text);
    const ptr = allocate(bound);
    cast_raw_asm(this.nodePtr, this.functionPtr, ptr, writeUtf8(text, ptr));
    release(ptr, bound);
  }

  /** Casts `len` bytes of UTF-8 at `ptr` to this instance. */
  castRawBytes(ptr: usize, len: usize): void {
    cast_raw_asm(this.nodePtr, this.functionPtr, ptr, len);
  }

  /** Calls this instance with a text and waits for the answer, as `Output.call` does. */
  callRaw(text: string): Reply {
    const bound = utf8Bound(text);
    const ptr = allocate(bound);
    const code = this.callRawBytes(ptr, writeUtf8(text, ptr));
    release(ptr, bound);
    return Reply.received(code);
  }

  /**
   * Calls this instance with `len` bytes of UTF-8 at `ptr` and waits.
   * @returns 0 no reply, 1 a reply of `replyLen()` bytes at `replyPtr()`, 2 error
   */
  callRawBytes(ptr: usize, len: usize): i32 {
    releaseReceived();
    return received(call_raw_asm(this.nodePtr, this.functionPtr, ptr, len, REPLY_SLOTS, REPLY_SLOTS + 8));
  }
}

/** The id of this instance. Not from top-level code, only from handlers. */
export function slf(): InstanceId {
  const id = new InstanceId();
  slf_asm(id.nodePtr, id.functionPtr);
  return id;
}

/** The 16 bytes at `ptr` as hyphenated lower-case UUID (RFC 9562 section 4). */
export function uuidText(ptr: usize): string {
  const text = changetype<string>(__new(72, idof<string>()));
  let to = changetype<usize>(text);
  for (let i: usize = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      store<u16>(to, 0x2d);
      to += 2;
    }
    const byte = <u32>load<u8>(ptr + i);
    store<u16>(to, hexDigit(byte >> 4));
    store<u16>(to, hexDigit(byte & 15), 2);
    to += 4;
  }
  return text;
}

function hexDigit(value: u32): u32 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
