import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { translateModule } from "../../../toolchain/translate/translate.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { readModule } from "../../../toolchain/wasm/read-module.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { Section } from "../../../toolchain/wasm/wasm-module.js";
import { writeModule } from "../../../toolchain/wasm/write-module.js";
import { shippedModule } from "../../kit/guest-driver.js";
import { buildGuest } from "../image/guest-module.js";

const { i32, i64, f64 } = ValueType;

/** CPU time that any of these modules may take, on a slow and busy machine. */
const MAX_CPU_MS = 6000;

/** A module whose init handler has this code. */
function handler(
  code: ByteWriter,
  locals: readonly number[] = [],
  more: { globals?: number[] } = {},
): Uint8Array {
  return buildGuest({
    functions: [{ type: GUEST_EXPORTS.handle_init_asm, locals, code: code.code(Op.end).bytes() }],
    handlers: { handle_init_asm: 0 },
    ...more,
  });
}

function repeated(count: number, write: (code: ByteWriter, at: number) => void): ByteWriter {
  const code = new ByteWriter();
  for (let at = 0; at < count; at += 1) write(code, at);
  return code;
}

const EMPTY = 0x40;

/** The module with another section at its end. */
function withSection(wasm: Uint8Array, id: number, contents: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  out.raw(wasm).byte(id).sized(contents);
  return out.bytes().slice();
}

function dataOf(length: number): Uint8Array {
  const out = new ByteWriter();
  out.u32(1).u32(0).code(Op.i32Const, 0, Op.end);
  out.sized(Uint8Array.from({ length }, (_, at) => at * 31));
  return out.bytes().slice();
}

/** Modules that are valid, and made to take long or much. */
const HOSTILE: Readonly<Record<string, () => Uint8Array>> = {
  "blocks inside each other": () =>
    handler(repeated(4000, (code) => code.code(Op.block, EMPTY)).raw(new Uint8Array(4000).fill(Op.end))),
  "loops inside each other": () =>
    handler(
      repeated(2000, (code) => code.code(Op.loop, EMPTY)).raw(
        repeated(2000, (code) => code.code(Op.localGet, 0, Op.brIf, 0, Op.end)).bytes(),
      ),
    ),
  "choices inside each other": () =>
    handler(
      repeated(3000, (code) => code.code(Op.localGet, 0, Op.if, EMPTY)).raw(
        repeated(3000, (code) => code.code(Op.else, Op.localGet, 1, Op.localSet, 2, Op.end)).bytes(),
      ),
    ),
  "branches out of everything": () =>
    handler(
      repeated(800, (code) => code.code(Op.block, EMPTY)).raw(
        repeated(800, (code, at) =>
          code
            .code(Op.localGet, 0, Op.brIf)
            .u32((at * 7) % (800 - at))
            .code(Op.end),
        ).bytes(),
      ),
    ),
  "loops that jump to each other": () =>
    handler(
      repeated(300, (code) => code.code(Op.loop, EMPTY, Op.block, EMPTY)).raw(
        repeated(300, (code, at) =>
          code
            .code(Op.localGet, 0, Op.brIf)
            .u32((at * 13) % (600 - 2 * at))
            .code(Op.localGet, 1, Op.brIf)
            .u32((at * 5) % (600 - 2 * at))
            .code(Op.end, Op.end),
        ).bytes(),
      ),
    ),
  "a table of branches to many places": () => {
    const code = repeated(400, (out) => out.code(Op.block, EMPTY));
    code.code(Op.localGet, 0, Op.brTable).u32(30_000);
    for (let at = 0; at <= 30_000; at += 1) code.u32((at * 17) % 400);
    for (let at = 0; at < 400; at += 1) code.code(Op.localGet, 0, Op.localSet, 1, Op.end);
    return handler(code);
  },
  "as many locals as there may be": () =>
    handler(
      repeated(9000, (code, at) =>
        code
          .code(Op.localGet)
          .u32(4 + ((at * 31) % 9000))
          .code(Op.localSet)
          .u32(at + 4),
      ),
      new Array<number>(9000).fill(i64),
    ),
  "one endless sum": () =>
    handler(
      new ByteWriter()
        .code(Op.localGet, 0)
        .raw(repeated(60_000, (code) => code.code(Op.localGet, 0, Op.i32Add)).bytes())
        .code(Op.localSet, 1),
    ),
  "operands that are all there at once": () =>
    handler(
      repeated(5000, (code) => code.code(Op.localGet, 0, Op.localGet, 1, Op.i32Add)).raw(
        repeated(5000, (code) => code.code(Op.localSet, 2)).bytes(),
      ),
    ),
  "values that double": () =>
    handler(
      repeated(2000, (code) =>
        code.code(Op.localGet, 4, Op.localGet, 4, Op.localGet, 0, Op.select, Op.localSet, 4),
      ).raw(
        repeated(2000, (code) => code.code(Op.localGet, 5, Op.localGet, 5, 0x7e, Op.localSet, 5)).bytes(),
      ),
      [i64, i64],
    ),
  "constants without end": () =>
    handler(
      repeated(8000, (code, at) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setFloat64(0, Math.sqrt(at + 2), true);
        code.code(Op.f64Const).raw(bytes).code(Op.localSet, 4);
      }),
      [f64],
    ),
  "many globals": () => handler(new ByteWriter(), [], { globals: new Array<number>(9000).fill(i32) }),
  "many functions that call the next": () =>
    buildGuest({
      functions: Array.from({ length: 5000 }, (_, at) => ({
        type: { params: [], results: [] },
        code: new ByteWriter()
          .code(Op.call)
          .u32((at + 1) % 5000)
          .code(Op.end)
          .bytes(),
      })),
      handlers: { edgeless_mem_clear: 0 },
    }),
  "much memory": () => buildGuest({ pages: [65_536] }),
  "blocks ten thousand deep": () =>
    handler(repeated(10_000, (code) => code.code(Op.block, EMPTY)).raw(new Uint8Array(10_000).fill(Op.end))),
  "conditions joined without end": () =>
    handler(
      new ByteWriter()
        .code(Op.localGet, 0, Op.i32Eqz)
        .raw(repeated(20_000, (code) => code.code(Op.localGet, 1, Op.i32Eqz, 0x71)).bytes())
        .code(Op.localSet, 1),
    ),
  "stores in a loop at addresses that are being set": () =>
    handler(
      new ByteWriter()
        .code(Op.loop, EMPTY)
        .raw(
          repeated(8000, (code) =>
            code.code(Op.localGet, 0, Op.i32Const, 1, Op.i32Add, Op.localTee, 0, Op.localGet, 0, 0x3a, 0, 0),
          ).bytes(),
        )
        .code(Op.end),
    ),
  "a megabyte of data": () => withSection(buildGuest({ pages: [32] }), Section.data, dataOf(1 << 20)),
  "two hundred kilobytes of data": () =>
    withSection(buildGuest({ pages: [32] }), Section.data, dataOf(200_000)),
  "a start function that never ends": () =>
    buildGuest({
      functions: [{ type: { params: [], results: [] }, code: [Op.loop, EMPTY, Op.br, 0, Op.end, Op.end] }],
      start: 0,
    }),
  "garbage behind its end": () =>
    Uint8Array.of(...buildGuest({}), ...Uint8Array.from({ length: 5000 }, (_, at) => (at * 89) % 251)),
};

t.setTimeout(180_000);

t.test(
  "given a hostile module, when it is translated, then it is refused by a known error or gives a text in bounds",
  async (t) => {
    for (const [name, make] of Object.entries(HOSTILE)) {
      const wasm = make();
      const before = process.cpuUsage();
      let outcome = "translated";
      try {
        const { code } = translateModule(wasm, { maxMemoryBytes: 8192, maxTextBytes: 200_000 });
        t.ok(code.length <= 200_000, name);
        // Its own parser takes it, nesting included.
        new Function(`return ${code}`);
      } catch (thrown) {
        if (!(thrown instanceof EdgelessError)) throw thrown;
        outcome = thrown.code;
        t.ok(["EDGELESS_WASM_TOO_LARGE", "EDGELESS_BAD_WASM", "EDGELESS_WASM_ABI"].includes(outcome), name);
      }
      const { user, system } = process.cpuUsage(before);
      const ms = (user + system) / 1000;
      t.ok(ms < MAX_CPU_MS, `${name}: ${wasm.length} bytes, ${outcome} after ${Math.round(ms)} ms`);
    }
  },
);

t.test(
  "given a module with a memory of somebody else, when it is translated, then it is refused by name",
  async (t) => {
    const wasm = buildGuest({});
    const imported = new ByteWriter();
    imported.u32(1).name("env").name("memory").byte(2).byte(0).u32(1);
    const { sections } = readModule(wasm);
    const kept = sections.filter(({ id }) => id !== Section.memory && id !== Section.import);
    const parts = kept.map(({ id, start, end }) => ({ id, bytes: wasm.subarray(start, end) }));
    parts.splice(1, 0, { id: Section.import, bytes: imported.bytes() });
    const module = writeModule(parts);
    t.ok(WebAssembly.validate(module));
    t.throws(() => translateModule(module, { maxMemoryBytes: 8192 }), { code: "EDGELESS_WASM_ABI" });
  },
);

t.test(
  "given data that does not fit the memory of a board, when it is translated, then it is refused by name",
  async (t) => {
    t.throws(() => translateModule(shippedModule("trigger"), { maxMemoryBytes: 1024 }), {
      code: "EDGELESS_WASM_TOO_LARGE",
      message: /data ends at \d+, it may have 1024 bytes of memory/,
    });
  },
);

t.test(
  "given an instruction on tables or passive segments, when the module is translated, then it is refused by its name",
  async (t) => {
    const operands = [Op.localGet, 0, Op.localGet, 1, Op.localGet, 2];
    const instructions = {
      "table.init": [...operands, 0xfc, 0x0c, 0, 0, Op.end],
      "table.copy": [...operands, 0xfc, 0x0e, 0, 0, Op.end],
      "elem.drop": [0xfc, 0x0d, 0, Op.end],
    };
    for (const [name, code] of Object.entries(instructions)) {
      const wasm = buildGuest({
        functions: [{ type: GUEST_EXPORTS.handle_init_asm, code }],
        handlers: { handle_init_asm: 0 },
        table: [0],
      });
      t.ok(WebAssembly.validate(wasm), name);
      t.throws(() => translateModule(wasm, { maxMemoryBytes: 8192 }), {
        code: "EDGELESS_WASM_ABI",
        message: new RegExp(`uses ${name}, which cannot be translated`),
      });
    }
  },
);

t.test(
  "given any damage to a module, when it is translated, then it fails with a known error or gives a text",
  async () => {
    const wasm = shippedModule("double");
    fc.assert(
      fc.property(
        fc.nat(wasm.length - 1),
        fc.nat(255),
        fc.oneof(fc.constant(wasm.length), fc.nat(wasm.length)),
        (at, value, length) => {
          const damaged = wasm.slice(0, Math.max(at + 1, length));
          damaged[at] = value;
          try {
            translateModule(damaged, { maxMemoryBytes: 8192 });
          } catch (thrown) {
            if (!(thrown instanceof EdgelessError)) throw thrown;
            return thrown.code !== "EDGELESS_INTERNAL";
          }
          return true;
        },
      ),
      { numRuns: 300 },
    );
  },
);
