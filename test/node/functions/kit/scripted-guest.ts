import type { Guest, GuestExport, Outcome } from "../../../../node/functions/guest.js";
import { type GuestImports, SUSPEND } from "../../../../toolchain/engine/guest-imports.js";

/** A handler that waits in calls: each `yield` gives the result code of one. */
type WaitingHandler = Generator<unknown, unknown, number>;

/** A handler in JavaScript, a generator when it calls; a number that it returns is its result. */
export type Handler = (guest: ScriptedGuest, ...args: readonly number[]) => unknown;

/** What a guest does, by export; what is missing does nothing. */
export interface Script {
  readonly handle_init_asm?: Handler;
  readonly handle_cast_asm?: Handler;
  readonly handle_call_asm?: Handler;
  readonly handle_stop_asm?: Handler;
  /** Instead of the allocator that counts up. */
  readonly alloc?: (guest: ScriptedGuest, length: number) => number;
  readonly free?: () => void;
  readonly start?: (guest: ScriptedGuest) => void;
}

const SCRATCH = 60_000;

/** A guest whose handlers are written in JavaScript; it records which exports the host calls, in order. */
export class ScriptedGuest implements Guest {
  readonly memory = { buffer: new ArrayBuffer(65_536) };
  readonly calls: string[] = [];
  readonly imports: GuestImports;
  readonly #script: Script;
  #next = 1024;
  #scratch = SCRATCH;
  #suspended: WaitingHandler | undefined;

  constructor(imports: GuestImports, script: Script) {
    this.imports = imports;
    this.#script = script;
    script.start?.(this);
  }

  run(name: GuestExport, ...args: readonly number[]): Outcome {
    this.calls.push(`${name.replace(/^edgeless_mem_|_asm$/g, "")}(${args.join(",")})`);
    if (name === "edgeless_mem_alloc") return { suspended: false, value: this.#alloc(args[0] ?? 0) };
    if (name === "edgeless_mem_free") this.#script.free?.();
    if (name === "edgeless_mem_free" || name === "edgeless_mem_clear") return { suspended: false, value: 0 };
    return this.#begin(this.#script[name]?.(this, ...args));
  }

  resume(result: () => number): Outcome {
    const handler = this.#suspended;
    if (handler === undefined) throw new Error("resumed although not suspended");
    this.#suspended = undefined;
    return this.#settle(handler, handler.next(result()));
  }

  /** Doubles the memory, as a guest's allocator may at any time; views of the host become stale. */
  grow(): void {
    const grown = new ArrayBuffer(this.memory.buffer.byteLength * 2);
    new Uint8Array(grown).set(new Uint8Array(this.memory.buffer));
    structuredClone(this.memory.buffer, { transfer: [this.memory.buffer] });
    this.memory.buffer = grown;
  }

  /** Puts bytes into memory and gives the pointer and length arguments for them. */
  place(content: string | Uint8Array): [number, number] {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const pointer = this.#scratch;
    this.#scratch += bytes.length;
    this.write(pointer, bytes);
    return [pointer, bytes.length];
  }

  write(pointer: number, bytes: Uint8Array): void {
    new Uint8Array(this.memory.buffer).set(bytes, pointer);
  }

  bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer).slice(pointer, pointer + length);
  }

  text(pointer: number, length: number): string {
    return new TextDecoder().decode(this.bytes(pointer, length));
  }

  uint32(pointer: number): number {
    return new DataView(this.memory.buffer).getUint32(pointer, true);
  }

  cast(alias: string, payload: string): void {
    this.imports.cast_asm(...this.place(alias), ...this.place(payload));
  }

  delayedCast(delayMs: bigint, alias: string, payload: string): void {
    this.imports.delayed_cast_asm(delayMs, ...this.place(alias), ...this.place(payload));
  }

  log(level: number, target: string, message: string): void {
    this.imports.telemetry_log_asm(level, ...this.place(target), ...this.place(message));
  }

  /** Calls, waits, and gives the result code; the reply's slots are at 512 and 520. */
  *call(alias: string, payload: string): Generator<void, number, number> {
    const result = this.imports.call_asm(...this.place(alias), ...this.place(payload), 512, 520);
    return result === SUSPEND ? yield : result;
  }

  /** The reply to the last {@link call}. */
  get reply(): string {
    return this.text(this.uint32(512), this.uint32(520));
  }

  #alloc(length: number): number {
    if (this.#script.alloc !== undefined) return this.#script.alloc(this, length);
    const pointer = this.#next;
    this.#next += length + 8;
    return pointer;
  }

  #begin(handled: unknown): Outcome {
    this.#scratch = SCRATCH;
    return isWaiting(handled) ? this.#settle(handled, handled.next(0)) : ended(handled);
  }

  #settle(handler: WaitingHandler, step: IteratorResult<unknown, unknown>): Outcome {
    if (step.done === true) return ended(step.value);
    this.#suspended = handler;
    return { suspended: true };
  }
}

function isWaiting(handled: unknown): handled is WaitingHandler {
  return typeof handled === "object" && handled !== null && "next" in handled;
}

function ended(value: unknown): Outcome {
  return { suspended: false, value: typeof value === "number" ? value : 0 };
}
