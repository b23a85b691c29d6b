import type { InstanceId } from "../../core/instance-id.js";
import { type Guest, type GuestExport, type Outcome, trap } from "./guest.js";
import { decodeText, GuestMemory, utf8Length } from "./guest-memory.js";
import { idBytes } from "./id-bytes.js";

/** What a call handler answered. */
export type CallAnswer =
  | { readonly type: "call-ret"; readonly payload: string }
  | { readonly type: "call-no-ret" }
  | { readonly type: "err" };

/** How far a handler got; only a call handler that ended has an answer. */
export type Progress =
  | { readonly suspended: true }
  | { readonly suspended: false; readonly answer?: CallAnswer };

const SUSPENDED: Progress = { suspended: true };
const DONE: Progress = { suspended: false };
const NO_REPLY: Progress = { suspended: false, answer: { type: "call-no-ret" } };
const ERROR: Progress = { suspended: false, answer: { type: "err" } };

/** Result codes of the call imports and of `handle_call_asm`. */
export const CALL_NO_REPLY = 0;
export const CALL_REPLY = 1;
export const CALL_ERROR = 2;

/**
 * The memory protocol of the EDGELESS guest ABI: which exports are called around each handler and in which order, who
 * frees what. One handler at a time; every method may throw what the guest throws.
 */
export class GuestProtocol {
  readonly memory: GuestMemory;
  readonly #guest: Guest;
  #after: (value: number) => Progress = () => DONE;
  #freeing = false;

  constructor(guest: Guest) {
    this.#guest = guest;
    this.memory = new GuestMemory(guest.memory);
  }

  /** True when the guest failed while the host gave back the inputs of a handler that had returned. */
  get freeing(): boolean {
    return this.#freeing;
  }

  /** Runs `handle_init_asm`; absent inputs are pointer 0, length 0. */
  init(payload: string | undefined, state: string | undefined): Progress {
    const payloadLength = utf8Length(payload ?? "");
    const stateLength = utf8Length(state ?? "");
    const payloadPointer = payload === undefined ? 0 : this.#placeText(payload, payloadLength);
    const statePointer = state === undefined ? 0 : this.#placeText(state, stateLength);
    return this.#handle("handle_init_asm", [payloadPointer, payloadLength, statePointer, stateLength], () => {
      if (payloadLength > 0) this.#free(payloadPointer, payloadLength);
      if (stateLength > 0) this.#free(statePointer, stateLength);
      return DONE;
    });
  }

  /** Runs `handle_cast_asm`. */
  cast(source: InstanceId, payload: string): Progress {
    const length = utf8Length(payload);
    this.#run("edgeless_mem_clear");
    const component = this.#place(idBytes(source.functionId));
    const node = this.#place(idBytes(source.nodeId));
    const pointer = this.#placePayload(payload, length, component);
    return this.#handle("handle_cast_asm", [node, component, pointer, length], () => {
      this.#free(component, 16);
      this.#free(node, 16);
      if (length > 0) this.#free(pointer, length);
      return DONE;
    });
  }

  /** Runs `handle_call_asm`; the reply is copied before anything is freed. */
  call(source: InstanceId, payload: string): Progress {
    const length = utf8Length(payload);
    this.#run("edgeless_mem_clear");
    const component = this.#place(idBytes(source.functionId));
    const node = this.#place(idBytes(source.nodeId));
    const pointer = this.#placePayload(payload, length, component);
    const outPointer = this.#run("edgeless_mem_alloc", 4);
    const outLength = this.#run("edgeless_mem_alloc", 4);
    const args = [node, component, pointer, length, outPointer, outLength];
    return this.#handle("handle_call_asm", args, (code) => {
      let progress = code === CALL_NO_REPLY ? NO_REPLY : ERROR;
      if (code === CALL_REPLY) {
        const address = this.memory.readUint32(outPointer, "the slot of the reply's address");
        const size = this.memory.readUint32(outLength, "the slot of the reply's length");
        progress = this.#reply(address, size);
      }
      this.#free(component, 16);
      this.#free(node, 16);
      this.#free(outPointer, 4);
      this.#free(outLength, 4);
      if (length > 0) this.#free(pointer, length);
      return progress;
    });
  }

  /** Runs `handle_stop_asm`. */
  stop(): Progress {
    this.#run("edgeless_mem_clear");
    return this.#handle("handle_stop_asm", [], () => DONE);
  }

  /** Goes on with a suspended handler; `result` runs inside the import that suspended it and gives its result. */
  resume(result: () => number): Progress {
    return this.#settle(this.#guest.resume(result));
  }

  /** Hands a reply to the guest from inside a call import: the guest owns the block from then on. */
  placeReply(payload: string, outPointer: number, outLength: number): void {
    const length = utf8Length(payload);
    const pointer = this.#placeText(payload, length);
    this.memory.writeUint32(outPointer, pointer, "the slot for the reply's address");
    this.memory.writeUint32(outLength, length, "the slot for the reply's length");
  }

  /** The Rust SDK may damage its own reply before the host can read it: that fails the call, not the function. */
  #reply(address: number, size: number): Progress {
    const payload = decodeText(this.memory.copyOut(address, size, "the reply"));
    return payload === undefined ? ERROR : { suspended: false, answer: { type: "call-ret", payload } };
  }

  #handle(name: GuestExport, args: readonly number[], after: (value: number) => Progress): Progress {
    this.#after = after;
    return this.#settle(this.#guest.run(name, ...args));
  }

  #settle(outcome: Outcome): Progress {
    return outcome.suspended ? SUSPENDED : this.#after(outcome.value ?? 0);
  }

  #run(name: GuestExport, ...args: number[]): number {
    const outcome = this.#guest.run(name, ...args);
    if (outcome.suspended) throw trap(`${name} must not call another instance`);
    return outcome.value ?? 0;
  }

  #place(content: Uint8Array): number {
    const pointer = this.#run("edgeless_mem_alloc", content.length);
    this.memory.write(pointer, content, "the block from edgeless_mem_alloc");
    return pointer;
  }

  #placeText(text: string, length: number): number {
    const pointer = this.#run("edgeless_mem_alloc", length);
    this.memory.writeText(pointer, text, length, "the block from edgeless_mem_alloc");
    return pointer;
  }

  /** An empty payload gets no block of its own: nobody would free it, and a guest goes by the length. */
  #placePayload(payload: string, length: number, anyAddress: number): number {
    return length === 0 ? anyAddress : this.#placeText(payload, length);
  }

  #free(pointer: number, length: number): void {
    this.#freeing = true;
    this.#run("edgeless_mem_free", pointer, length);
    this.#freeing = false;
  }
}
