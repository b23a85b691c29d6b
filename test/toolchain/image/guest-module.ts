import { GUEST_EXPORTS, GUEST_IMPORTS, type GuestImport } from "../../../toolchain/image/guest-abi.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { type FunctionType, functionTypeText, ValueType } from "../../../toolchain/wasm/value-type.js";
import { Section } from "../../../toolchain/wasm/wasm-module.js";
import { type SectionContents, writeModule, writeVector } from "../../../toolchain/wasm/write-module.js";

/** A function of a module under construction; `code` includes the last `end`. */
export interface GuestFunction {
  readonly type: FunctionType;
  readonly locals?: readonly number[];
  readonly code: Uint8Array | readonly number[];
}

/** What a guest module is made of. Functions are numbered after the imports. */
export interface GuestModule {
  readonly imports?: readonly GuestImport[];
  readonly functions?: readonly GuestFunction[];
  /** Handlers and allocator by name: index into `functions`; what is not named gets a function that does nothing. */
  readonly handlers?: Readonly<Record<string, number>>;
  /** Types of mutable globals, all zero at first. */
  readonly globals?: readonly number[];
  /** Indices into `functions` that go into the table. */
  readonly table?: readonly number[];
  /** Index into `functions`. */
  readonly start?: number;
  readonly pages?: readonly [min: number, max?: number];
}

/** Index of a type in a list to which it is added when it is not there. */
export function typeIndex(types: FunctionType[], type: FunctionType): number {
  const text = functionTypeText(type);
  const found = types.findIndex((known) => functionTypeText(known) === text);
  return found === -1 ? types.push(type) - 1 : found;
}

/** Writes a module that keeps to the guest ABI, whatever is in the functions. Types are numbered as in `types`. */
export function buildGuest(guest: GuestModule, types: FunctionType[] = []): Uint8Array {
  const imports = guest.imports ?? [];
  const functions = [...(guest.functions ?? [])];
  const exports: [name: string, index: number][] = [];
  for (const [name, type] of Object.entries(GUEST_EXPORTS)) {
    let index = guest.handlers?.[name];
    if (index === undefined) {
      const code = type.results.length > 0 ? [Op.i32Const, 16, Op.end] : [Op.end];
      index = functions.push({ type, code }) - 1;
    }
    exports.push([name, imports.length + index]);
  }
  const importTypes = imports.map((name) => typeIndex(types, GUEST_IMPORTS[name]));
  const functionTypes = functions.map(({ type }) => typeIndex(types, type));
  const sections: SectionContents[] = [];
  const add = (id: number, write: (out: ByteWriter) => void) => {
    const out = new ByteWriter();
    write(out);
    sections.push({ id, bytes: out.bytes() });
  };
  add(Section.type, (out) =>
    writeVector(out, types, ({ params, results }) => {
      out.byte(0x60);
      writeVector(out, params, (type) => out.byte(type));
      writeVector(out, results, (type) => out.byte(type));
    }),
  );
  add(Section.import, (out) =>
    writeVector(out, [...imports.entries()], ([at, name]) => {
      out
        .name("env")
        .name(name)
        .byte(0)
        .u32(importTypes[at] ?? 0);
    }),
  );
  add(Section.function, (out) => writeVector(out, functionTypes, (type) => out.u32(type)));
  const { table } = guest;
  if (table !== undefined) {
    add(Section.table, (out) => out.u32(1).byte(0x70).byte(0).u32(table.length));
  }
  const [min, max] = guest.pages ?? [1];
  add(Section.memory, (out) => {
    out
      .u32(1)
      .byte(max === undefined ? 0 : 1)
      .u32(min);
    if (max !== undefined) {
      out.u32(max);
    }
  });
  add(Section.global, (out) => writeVector(out, guest.globals ?? [], (type) => writeZeroGlobal(out, type)));
  add(Section.export, (out) => {
    out
      .u32(exports.length + 1)
      .name("memory")
      .byte(2)
      .u32(0);
    for (const [name, index] of exports) {
      out.name(name).byte(0).u32(index);
    }
  });
  const { start } = guest;
  if (start !== undefined) {
    add(Section.start, (out) => out.u32(imports.length + start));
  }
  if (table !== undefined) {
    add(Section.element, (out) => {
      out.u32(1).u32(0).code(Op.i32Const, 0, Op.end);
      writeVector(out, table, (index) => out.u32(imports.length + index));
    });
  }
  add(Section.code, (out) =>
    writeVector(out, functions, ({ locals, code }) => {
      const body = new ByteWriter();
      writeVector(body, locals ?? [], (type) => body.u32(1).byte(type));
      body.raw(Uint8Array.from(code));
      out.sized(body.bytes());
    }),
  );
  return writeModule(sections);
}

function writeZeroGlobal(out: ByteWriter, type: number): void {
  out.byte(type).byte(1);
  writeConstant(out, type, 0);
  out.byte(Op.end);
}

/** Writes a small constant of any number type. */
export function writeConstant(out: ByteWriter, type: number, value: number): void {
  const bytes = new DataView(new ArrayBuffer(8));
  switch (type) {
    case ValueType.i32:
      out.byte(Op.i32Const).s32(value);
      break;
    case ValueType.i64:
      out.byte(Op.i64Const).s64(BigInt(value) * 0x123456789n);
      break;
    case ValueType.f32:
      bytes.setFloat32(0, value / 3, true);
      out.byte(Op.f32Const).raw(new Uint8Array(bytes.buffer, 0, 4));
      break;
    default:
      bytes.setFloat64(0, value / 7, true);
      out.byte(Op.f64Const).raw(new Uint8Array(bytes.buffer));
  }
}
