import {
  GUEST_EXPORTS,
  GUEST_IMPORTS,
  type GuestExport,
  type GuestImport,
} from "../../../../toolchain/image/guest-abi.js";
import { ByteWriter } from "../../../../toolchain/wasm/byte-writer.js";

/** WebAssembly code of one function, without its locals and its final `end`. */
export type Code = readonly number[];

/** `unreachable`. */
export const TRAP: Code = [0x00];
/** `(loop (br 0)) unreachable`. */
export const ENDLESS: Code = [0x03, 0x40, 0x0c, 0x00, 0x0b, 0x00];

/** Pushes a constant below 2^20. */
export function constant(value: number): Code {
  return [0x41, ...new ByteWriter().s32(value).bytes()];
}

/** What differs from a guest that allocates from 1024 upwards and handles everything by doing nothing. */
export interface GuestParts {
  readonly imports?: readonly GuestImport[];
  readonly handlers?: { readonly [name in GuestExport]?: Code };
  readonly start?: Code;
  readonly omit?: GuestExport;
  /** Text in the memory at address 16. */
  readonly text?: string;
  readonly pages?: number;
}

const DEFAULTS: { readonly [name in GuestExport]: Code } = {
  // global 0 is the next free address: give it away and move it on.
  edgeless_mem_alloc: [0x23, 0x00, 0x23, 0x00, 0x20, 0x00, 0x6a, 0x24, 0x00],
  edgeless_mem_free: [],
  edgeless_mem_clear: [...constant(1024), 0x24, 0x00],
  handle_init_asm: [],
  handle_cast_asm: [],
  handle_call_asm: constant(0),
  handle_stop_asm: [],
};

/** Assembles a module with the EDGELESS guest ABI by hand. */
export function guestModule(parts: GuestParts = {}): Uint8Array {
  const imports = parts.imports ?? [];
  const names = (Object.keys(DEFAULTS) as GuestExport[]).filter((name) => name !== parts.omit);
  const codes = names.map((name) => parts.handlers?.[name] ?? DEFAULTS[name]);
  const types = [...imports.map((name) => GUEST_IMPORTS[name]), ...names.map((name) => GUEST_EXPORTS[name])];
  if (parts.start !== undefined) {
    codes.push(parts.start);
    types.push({ params: [], results: [] });
  }
  const out = new ByteWriter().code(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
  section(out, 1, types.length, (body) => {
    for (const { params, results } of types) {
      body
        .byte(0x60)
        .u32(params.length)
        .code(...params)
        .u32(results.length)
        .code(...results);
    }
  });
  section(out, 2, imports.length, (body) => {
    imports.forEach((name, index) => {
      body.name("env").name(name).byte(0).u32(index);
    });
  });
  section(out, 3, codes.length, (body) => {
    codes.forEach((_, index) => {
      body.u32(imports.length + index);
    });
  });
  section(out, 5, 1, (body) => body.byte(0).u32(parts.pages ?? 1));
  section(out, 6, 1, (body) => body.code(0x7f, 1, ...constant(1024), 0x0b));
  section(out, 7, names.length + 1, (body) => {
    body.name("memory").code(2, 0);
    names.forEach((name, index) => {
      body
        .name(name)
        .byte(0)
        .u32(imports.length + index);
    });
  });
  if (parts.start !== undefined) out.byte(8).sized(new ByteWriter().u32(types.length - 1).bytes());
  section(out, 10, codes.length, (body) => {
    for (const code of codes) body.sized(Uint8Array.from([0, ...code, 0x0b]));
  });
  section(out, 11, 1, (body) => body.code(0, ...constant(16), 0x0b).name(parts.text ?? ""));
  return out.bytes().slice();
}

function section(out: ByteWriter, id: number, count: number, write: (body: ByteWriter) => void): void {
  if (count === 0) return;
  const body = new ByteWriter().u32(count);
  write(body);
  out.byte(id).sized(body.bytes());
}
