import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type InstanceId, sameInstance } from "../../core/instance-id.js";
import { type Uuid, uuidFromBytes, uuidToBytes } from "../../core/uuid.js";
import type { GuestImports as BoardImports } from "../../embedded/engine.js";
import { GUEST_EXPORT_NAMES } from "../../embedded/guest-exports.js";
import { TranslatedGuest } from "../../embedded/translated-guest.js";
import type { GuestImports } from "../../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../../toolchain/engine/prepared-instance.js";
import type { GuestExport } from "../../toolchain/image/guest-abi.js";
import { prepareImage } from "../../toolchain/image/prepare.js";
import { translateModule } from "../../toolchain/translate/translate.js";
import { ROOT } from "./repository.js";
import { evaluateTranslated } from "./translated-image.js";

/** Something a function did to the world. */
export type Effect =
  | readonly ["cast", channel: string, payload: string]
  | readonly ["cast-raw", target: "source" | InstanceId, payload: string]
  | readonly ["call", channel: string, payload: string]
  | readonly ["call-raw", target: "source" | InstanceId, payload: string]
  | readonly ["delayed-cast", delayMs: number, channel: string, payload: string]
  | readonly ["log", level: number, target: string, message: string]
  | readonly ["sync", state: string];

/** How a call ended: a text, nothing, or an error. */
export type Answer = string | null | "error-code";

/** Answer of a callee that failed. */
export const CALL_FAILED = "error-code";

/** Source of the events that the driver sends. */
export const SOURCE: InstanceId = {
  nodeId: "00112233-4455-6677-8899-aabbccddeeff" as Uuid,
  functionId: "f0e0d0c0-b0a0-4090-8070-605040302010" as Uuid,
};

/** The id that the function under test is told to have. */
export const SELF: InstanceId = {
  nodeId: "11111111-2222-4333-8444-555555555555" as Uuid,
  functionId: "66666666-7777-4888-9999-aaaaaaaaaaaa" as Uuid,
};

/** How a module is run. */
export interface DriverOptions {
  /** `plain`: the module as a Rust node runs it; `prepared`: as our node runs it; `translated`: as a board. Default: plain. */
  readonly engine?: "plain" | "prepared" | "translated";
  /** What callees answer; default: nothing. */
  readonly answer?: (channel: string, payload: string) => Answer;
  /** Bytes that the host writes as length of a reply: 8 on Rust nodes of 64 bits. Default: 8. */
  readonly lengthBytes?: 4 | 8;
}

/** The module of a shipped function, as the build left it. */
export function shippedModule(id: string): Uint8Array {
  return readFileSync(join(ROOT, "dist", "functions", id, `${id}.wasm`));
}

/**
 * Runs one function by hand: keeps to the memory protocol of the guest ABI to the letter (order of calls, empty
 * blocks that nobody frees), carries out nothing, and records what the function wants.
 */
export class GuestDriver {
  /** What the function did since it was last taken. */
  readonly effects: Effect[] = [];
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly #run: (name: GuestExport, ...args: number[]) => number;
  readonly #answer: (channel: string, payload: string) => Answer;
  readonly #lengthBytes: number;

  constructor(wasm: Uint8Array, options: DriverOptions = {}) {
    this.#answer = options.answer ?? (() => null);
    this.#lengthBytes = options.lengthBytes ?? 8;
    const imports = this.#imports();
    if (options.engine === "translated") {
      const { code } = translateModule(wasm, { maxMemoryBytes: TRANSLATED_MEMORY });
      const guest = new TranslatedGuest(evaluateTranslated(code), withNumbers(imports), () => 0, 1);
      this.memory = {
        get buffer() {
          return guest.memory().buffer;
        },
      };
      this.#run = (name, ...args) => {
        const value = guest.run(GUEST_EXPORT_NAMES.indexOf(name), ...args);
        if (guest.suspended) throw new Error(`${name} was suspended`);
        return value;
      };
      return;
    }
    if (options.engine === "prepared") {
      const { module } = prepareImage(wasm, { maxMemoryPages: 65536 });
      const meter = { start: () => {}, exhausted: () => 1_000_000 };
      const instance = new PreparedInstance(new WebAssembly.Module(module), imports, meter);
      this.memory = instance.memory;
      this.#run = (name, ...args) => {
        const outcome = instance.run(name, ...args);
        if (outcome.suspended) throw new Error(`${name} was suspended`);
        return outcome.value ?? 0;
      };
      return;
    }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { ...imports } });
    this.memory = exports.memory as WebAssembly.Memory;
    this.#run = (name, ...args) => (exports[name] as (...args: number[]) => number | undefined)(...args) ?? 0;
  }

  /** All effects so far, log lines included; forgets them. */
  take(): Effect[] {
    return this.effects.splice(0);
  }

  /** All effects so far but log lines; forgets them. */
  sent(): Effect[] {
    return this.take().filter(([kind]) => kind !== "log");
  }

  init(payload?: string, state?: string): this {
    const payloadAt = payload === undefined ? 0 : this.#place(payload);
    const stateAt = state === undefined ? 0 : this.#place(state);
    this.#run("handle_init_asm", payloadAt, size(payload ?? ""), stateAt, size(state ?? ""));
    this.#free(payloadAt, size(payload ?? ""));
    this.#free(stateAt, size(state ?? ""));
    return this;
  }

  cast(payload: string, source = SOURCE): this {
    this.#run("edgeless_mem_clear");
    const component = this.#placeBytes(uuidToBytes(source.functionId));
    const node = this.#placeBytes(uuidToBytes(source.nodeId));
    const at = this.#place(payload);
    this.#run("handle_cast_asm", node, component, at, size(payload));
    this.#free(component, 16);
    this.#free(node, 16);
    this.#free(at, size(payload));
    return this;
  }

  call(payload: string, source = SOURCE): Answer {
    this.#run("edgeless_mem_clear");
    const component = this.#placeBytes(uuidToBytes(source.functionId));
    const node = this.#placeBytes(uuidToBytes(source.nodeId));
    const at = this.#place(payload);
    const pointerSlot = this.#run("edgeless_mem_alloc", 4);
    const lengthSlot = this.#run("edgeless_mem_alloc", 4);
    const length = size(payload);
    const code = this.#run("handle_call_asm", node, component, at, length, pointerSlot, lengthSlot);
    const view = new DataView(this.memory.buffer);
    const slots = [view.getUint32(pointerSlot, true), view.getUint32(lengthSlot, true)] as const;
    const answer = code === 1 ? this.#text(...slots) : code === 0 ? null : CALL_FAILED;
    this.#free(component, 16);
    this.#free(node, 16);
    this.#free(pointerSlot, 4);
    this.#free(lengthSlot, 4);
    this.#free(at, length);
    return answer;
  }

  stop(): this {
    this.#run("edgeless_mem_clear");
    this.#run("handle_stop_asm");
    return this;
  }

  #imports(): GuestImports {
    const text = this.#text.bind(this);
    const note = (...effect: Effect): void => void this.effects.push(effect);
    return {
      cast_asm: (alias, aliasLength, at, length) => note("cast", text(alias, aliasLength), text(at, length)),
      cast_raw_asm: (node, component, at, length) =>
        note("cast-raw", this.#instance(node, component), text(at, length)),
      call_asm: (alias, aliasLength, at, length, pointerSlot, lengthSlot) => {
        note("call", text(alias, aliasLength), text(at, length));
        return this.#reply(text(alias, aliasLength), text(at, length), pointerSlot, lengthSlot);
      },
      call_raw_asm: (node, component, at, length, pointerSlot, lengthSlot) => {
        note("call-raw", this.#instance(node, component), text(at, length));
        return this.#reply("", text(at, length), pointerSlot, lengthSlot);
      },
      delayed_cast_asm: (delay, alias, aliasLength, at, length) =>
        note("delayed-cast", Number(BigInt.asUintN(64, delay)), text(alias, aliasLength), text(at, length)),
      telemetry_log_asm: (level, target, targetLength, at, length) =>
        note("log", level, text(target, targetLength), text(at, length)),
      slf_asm: (node, component) => {
        this.#bytes().set(uuidToBytes(SELF.nodeId), node);
        this.#bytes().set(uuidToBytes(SELF.functionId), component);
      },
      sync_asm: (at, length) => note("sync", text(at, length)),
    };
  }

  #reply(channel: string, payload: string, pointerSlot: number, lengthSlot: number): number {
    const answer = this.#answer(channel, payload);
    if (answer === CALL_FAILED) return 2;
    if (answer === null) return 0;
    const at = this.#place(answer);
    const view = new DataView(this.memory.buffer);
    view.setUint32(pointerSlot, at, true);
    if (this.#lengthBytes === 8) view.setBigUint64(lengthSlot, BigInt(size(answer)), true);
    else view.setUint32(lengthSlot, size(answer), true);
    return 1;
  }

  #instance(node: number, component: number): "source" | InstanceId {
    const bytes = this.#bytes();
    const id = {
      nodeId: uuidFromBytes(bytes.subarray(node, node + 16)),
      functionId: uuidFromBytes(bytes.subarray(component, component + 16)),
    };
    return sameInstance(id, SOURCE) ? "source" : id;
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  #text(at: number, length: number): string {
    const bytes = this.#bytes();
    if ((at >>> 0) + (length >>> 0) > bytes.length) throw new RangeError("outside the memory");
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes.slice(at >>> 0, (at >>> 0) + (length >>> 0)),
    );
  }

  #place(text: string): number {
    return this.#placeBytes(Buffer.from(text, "utf8"));
  }

  #placeBytes(content: Uint8Array): number {
    const at = this.#run("edgeless_mem_alloc", content.length) >>> 0;
    if (at === 0) throw new Error("edgeless_mem_alloc returned null");
    this.#bytes().set(content, at);
    return at;
  }

  #free(at: number, length: number): void {
    if (length > 0) this.#run("edgeless_mem_free", at, length);
  }
}

/** Linear memory of a translated function, bytes. */
const TRANSLATED_MEMORY = 16 * 1024 * 1024;

/** The imports for a translated function, which gives the delay as a number. */
function withNumbers(imports: GuestImports): BoardImports {
  const { delayed_cast_asm, call_asm, call_raw_asm, ...others } = imports;
  return {
    ...others,
    call_asm: (...args) => Number(call_asm(...args)),
    call_raw_asm: (...args) => Number(call_raw_asm(...args)),
    delayed_cast_asm: (delay, ...rest) => delayed_cast_asm(delay < 2 ** 64 ? BigInt(delay) : -1n, ...rest),
  };
}

function size(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
