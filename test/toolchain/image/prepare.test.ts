import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import type { FuelMeter } from "../../../toolchain/engine/fuel-meter.js";
import type { GuestImports } from "../../../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../../../toolchain/engine/prepared-instance.js";
import { GUEST_EXPORTS, GUEST_IMPORTS, type GuestImport } from "../../../toolchain/image/guest-abi.js";
import { ImageCache } from "../../../toolchain/image/image-cache.js";
import { inspectModule } from "../../../toolchain/image/inspect.js";
import { prepareImage } from "../../../toolchain/image/prepare.js";
import { judgeTargets } from "../../../toolchain/image/target-verdict.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { buildGuest, type GuestFunction } from "./guest-module.js";
import { limitedFuel } from "./guest-runs.js";
import { randomProgram } from "./random-program.js";

const EMPTY = buildGuest({});
const LIMITS = { maxMemoryPages: 16 };
const { i32 } = ValueType;
const OUT_OF_FUEL = { name: "OutOfFuel" };

const imports: GuestImports = {
  cast_asm: () => {},
  cast_raw_asm: () => {},
  call_asm: () => 0,
  call_raw_asm: () => 0,
  delayed_cast_asm: () => {},
  telemetry_log_asm: () => {},
  slf_asm: () => {},
  sync_asm: () => {},
};

function instantiate(wasm: Uint8Array, fuel: FuelMeter, limits = LIMITS): PreparedInstance {
  return new PreparedInstance(new WebAssembly.Module(prepareImage(wasm, limits).module), imports, fuel);
}

/** A guest whose `handle_stop_asm` has this code, `end` not included. */
function stopping(
  code: readonly number[],
  extra: readonly GuestFunction[] = [],
  locals: readonly number[] = [],
) {
  return buildGuest({
    functions: [{ type: GUEST_EXPORTS.handle_stop_asm, locals, code: [...code, Op.end] }, ...extra],
    handlers: { handle_stop_asm: 0 },
  });
}

/** The name and type as custom sections of a module are written: number 0, length, name, contents. */
function withCustomSection(wasm: Uint8Array): Uint8Array {
  return Uint8Array.from([...wasm, 0, 6, 4, 110, 111, 116, 101, 7]);
}

t.test("given a module, when it is inspected, then everything in it is named", async (t) => {
  const wasm = buildGuest({
    imports: ["delayed_cast_asm", "call_asm"],
    functions: [{ type: { params: [], results: [i32, ValueType.f64] }, code: [Op.unreachable, Op.end] }],
    pages: [2, 5],
    start: 0,
  });
  t.throws(() => inspectModule(wasm), { code: "EDGELESS_BAD_WASM" }, "a start function has no results");
  const info = inspectModule(
    withCustomSection(buildGuest({ imports: ["delayed_cast_asm", "call_asm"], pages: [2, 5] })),
  );
  t.same(info.imports, [
    { module: "env", name: "delayed_cast_asm", kind: "function", type: "(i64, i32, i32, i32, i32) -> ()" },
    { module: "env", name: "call_asm", kind: "function", type: "(i32, i32, i32, i32, i32, i32) -> (i32)" },
  ]);
  t.same(
    info.exports.map(({ name }) => name),
    ["memory", ...Object.keys(GUEST_EXPORTS)],
  );
  t.same(info.memory, { minPages: 2, maxPages: 5 });
  t.same(info.features, []);
  t.equal(info.functions, 7);
  t.equal(info.hasStartFunction, false);
  t.same(info.sections.at(-1), { name: "note", bytes: 1 });
});

t.test(
  "given modules that break the guest ABI, when they are prepared, then the place and the expected type are named",
  async (t) => {
    const refusal = (wasm: Uint8Array) => {
      try {
        prepareImage(wasm, LIMITS);
      } catch (thrown) {
        return thrown instanceof EdgelessError ? `${thrown.code}: ${thrown.message}` : thrown;
      }
      return "accepted";
    };
    const rename = (from: string, to: string) => {
      const text = Buffer.from(buildGuest({ imports: ["sync_asm"] })).toString("latin1");
      return Uint8Array.from(Buffer.from(text.replace(from, to), "latin1"));
    };
    t.match(
      refusal(rename("sync_asm", "sink_asm")),
      /EDGELESS_WASM_ABI: the import env\.sink_asm is not one of: cast_asm/,
    );
    t.match(refusal(rename("\x03env", "\x03enw")), /EDGELESS_WASM_ABI: the import enw\.sync_asm/);
    t.match(
      refusal(rename("sync_asm", "cast_asm")),
      /env\.cast_asm is function \(i32, i32\) -> \(\), expected function \(i32, i32, i32, i32\) -> \(\)/,
    );
    t.match(
      refusal(rename("handle_stop_asm", "handle_step_asm")),
      /the export handle_stop_asm is missing, expected function \(\) -> \(\)/,
    );
    t.match(refusal(rename("\x06memory", "\x06memoiy")), /the export memory is missing/);
    const wrong = buildGuest({
      functions: [{ type: GUEST_EXPORTS.handle_cast_asm, code: [Op.end] }],
      handlers: { handle_stop_asm: 0 },
    });
    t.match(
      refusal(wrong),
      /the export handle_stop_asm is function \(i32, i32, i32, i32\) -> \(\), expected function \(\) -> \(\)/,
    );
    t.equal(refusal(EMPTY), "accepted");
    for (const name of Object.keys(GUEST_IMPORTS) as GuestImport[]) {
      t.equal(refusal(buildGuest({ imports: [name] })), "accepted", name);
    }
  },
);

t.test(
  "given a memory ceiling, when a function wants more, then it is refused or its growth fails",
  async (t) => {
    t.throws(() => prepareImage(buildGuest({ pages: [17] }), LIMITS), {
      code: "EDGELESS_WASM_TOO_LARGE",
      message: /17 pages of memory \(1088 KiB\), the limit is 16 \(1024 KiB\)/,
    });
    const growing = (pages: readonly [number, number?]) =>
      buildGuest({
        functions: [
          { type: GUEST_EXPORTS.edgeless_mem_alloc, code: [Op.localGet, 0, Op.memoryGrow, 0, Op.end] },
        ],
        handlers: { edgeless_mem_alloc: 0 },
        pages,
      });
    const grow = (pages: readonly [number, number?], by: number) => {
      const outcome = instantiate(growing(pages), limitedFuel(10_000), { maxMemoryPages: 4 }).run(
        "edgeless_mem_alloc",
        by,
      );
      return outcome.suspended ? undefined : outcome.value;
    };
    t.equal(grow([1], 3), 1, "up to the ceiling");
    t.equal(grow([1], 4), -1, "past the ceiling");
    t.equal(grow([1, 2], 2), -1, "past what the module declares");
    t.equal(grow([1, 100], 4), -1);
  },
);

t.test("given functions that never end, when they run, then the fuel ends them", async (t) => {
  const loop = [Op.loop, 0x40, Op.br, 0, Op.end];
  const ends = (wasm: Uint8Array, name = "handle_stop_asm" as const) =>
    t.throws(() => instantiate(wasm, limitedFuel(100_000)).run(name), OUT_OF_FUEL);
  ends(stopping(loop));
  ends(stopping([Op.loop, 0x40, Op.i32Const, 1, Op.brIf, 0, Op.end]));
  ends(stopping([Op.loop, 0x40, Op.i32Const, 0, Op.brTable, 1, 0, 0, Op.end]));
  ends(stopping([Op.loop, 0x40, Op.loop, 0x40, Op.br, 1, Op.end, Op.end]));
  ends(
    stopping(
      [Op.loop, 0x40, Op.call, 1, Op.br, 0, Op.end],
      [{ type: { params: [], results: [] }, code: [Op.end] }],
    ),
  );
  ends(stopping([Op.i32Const, 0, Op.loop, 0, Op.br, 0, Op.end, Op.drop], [], []));
  const fill = [Op.i32Const, 0, Op.i32Const, 7, Op.i32Const, ...[0x80, 0x80, 4], 0xfc, 11, 0];
  ends(stopping([Op.loop, 0x40, ...fill, Op.br, 0, Op.end]));
  ends(stopping(new Array(100).fill(fill).flat()));
  const started = buildGuest({
    functions: [{ type: { params: [], results: [] }, code: [...loop, Op.end] }],
    start: 0,
  });
  t.throws(() => instantiate(started, limitedFuel(1000)), OUT_OF_FUEL, "at the start");
  const recursive = stopping([Op.call, 0]);
  t.throws(() => instantiate(recursive, limitedFuel(1000)).run("handle_stop_asm"), OUT_OF_FUEL);
  t.throws(
    () => instantiate(recursive, limitedFuel(1e9)).run("handle_stop_asm"),
    RangeError,
    "the stack ends first",
  );
});

t.test("given a function that has ended, when it is to run again, then that is refused", async (t) => {
  const instance = instantiate(stopping([Op.unreachable]), limitedFuel(1000));
  t.throws(() => instance.run("handle_stop_asm"), { name: "RuntimeError" });
  t.throws(() => instance.run("handle_stop_asm"), { code: "EDGELESS_FUNCTION_TRAPPED" });
});

t.test("given a start function, when it calls the host, then the memory can be reached", async (t) => {
  const wasm = buildGuest({
    imports: ["sync_asm"],
    functions: [
      { type: { params: [], results: [] }, code: [Op.i32Const, 0, Op.i32Const, 0, Op.call, 0, Op.end] },
    ],
    start: 0,
  });
  const calls: string[] = [];
  const module = new WebAssembly.Module(prepareImage(wasm, LIMITS).module);
  new PreparedInstance(module, { ...imports, sync_asm: () => calls.push("sync") }, limitedFuel(100));
  t.same(calls, ["sync"]);
});

t.test("given the same work, when it is done twice, then it takes the same fuel", async (t) => {
  const work = stopping(
    [
      Op.i32Const,
      50,
      Op.localSet,
      0,
      Op.loop,
      0x40,
      Op.localGet,
      0,
      Op.i32Const,
      1,
      Op.i32Sub,
      Op.localTee,
      0,
      Op.brIf,
      0,
      Op.end,
    ],
    [],
    [i32],
  );
  const meter = limitedFuel(10_000);
  const instance = instantiate(work, meter);
  const uses: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const before = meter.used;
    instance.run("handle_stop_asm");
    uses.push(meter.used - before);
  }
  t.same(uses, [uses[0], uses[0], uses[0]]);
  t.ok((uses[0] ?? 0) >= 50 * 5 && (uses[0] ?? 0) < 50 * 8, `${uses[0]} for 50 turns of 5 instructions`);
  const generous = {
    calls: 0,
    start() {},
    exhausted() {
      this.calls += 1;
      return 1_000_000;
    },
  };
  instantiate(work, generous).run("handle_stop_asm");
  t.equal(generous.calls, 1, "a refill lasts as long as it should");
});

t.test(
  "given modules with refused extensions, when they are prepared, then the extension is named",
  async (t) => {
    const simd = stopping([0xfd, 0x0c, ...new Array(16).fill(0), Op.drop]);
    const refuse = (wasm: Uint8Array, name: RegExp) =>
      t.throws(() => prepareImage(wasm, LIMITS), { code: "EDGELESS_BAD_WASM", message: name });
    refuse(simd, /simd/);
    refuse(stopping([Op.refNull, 0x70, Op.drop]), /reference-types/);
    refuse(stopping([0x12, 0]), /tail-calls/);
    refuse(stopping([0xfe, 3, 0]), /threads/);
    refuse(stopping([0x06, 0x40, Op.end]), /exceptions/);
    const verdicts = judgeTargets(inspectModule(simd), { node: LIMITS, device: { maxMemoryPages: 0 } });
    t.same(verdicts, [
      { target: "rust-node", runs: true, reasons: [] },
      { target: "node", runs: false, reasons: ["the module uses simd"] },
      {
        target: "device",
        runs: false,
        reasons: ["the module uses simd", "the module needs 1 pages of memory (64 KiB), 0 are allowed"],
      },
    ]);
  },
);

t.test("given invalid code, when it is prepared, then the offset in the file is named", async (t) => {
  t.throws(() => prepareImage(stopping([Op.i32Add]), LIMITS), {
    code: "EDGELESS_BAD_WASM",
    message: /malformed at byte [1-9]\d*: .*not enough arguments/,
  });
});

t.test(
  "given any bytes, when they are inspected or prepared, then nothing but a typed error comes out",
  async (t) => {
    const onlyTyped = (wasm: Uint8Array) => {
      for (const read of [inspectModule, (bytes: Uint8Array) => prepareImage(bytes, LIMITS)]) {
        try {
          read(wasm);
        } catch (thrown) {
          if (!(thrown instanceof EdgelessError) || thrown.code === "EDGELESS_INTERNAL") {
            throw thrown;
          }
        }
      }
    };
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => onlyTyped(bytes)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        onlyTyped(Uint8Array.from([...header, ...bytes])),
      ),
    );
    const program = randomProgram(Array.from({ length: 600 }, (_, at) => (at * 2654435761) >>> 16));
    const edits = fc.array(fc.tuple(fc.nat(program.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = program.slice();
        for (const [at, value] of changes) {
          bytes[at] = value;
        }
        onlyTyped(bytes);
      }),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.nat(program.length), (length) => onlyTyped(program.slice(0, length))));
    t.pass();
  },
);

t.test(
  "given modules made to be costly, when they are prepared, then they are refused at once",
  async (t) => {
    const deep = [...new Array(6000).fill([Op.block, 0x40]).flat(), ...new Array(6000).fill(Op.end)];
    t.throws(() => prepareImage(stopping(deep), LIMITS), {
      code: "EDGELESS_BAD_WASM",
      message: /nested deeper/,
    });
    const manyLocals = buildGuest({
      functions: [{ type: { params: [], results: [] }, locals: new Array(10_001).fill(i32), code: [Op.end] }],
    });
    t.throws(() => prepareImage(manyLocals, LIMITS), { code: "EDGELESS_BAD_WASM", message: /10001/ });
    const wide = new Array(3000).fill([Op.i32Const, 0]).flat();
    const call = [...new Array(6).fill([Op.i32Const, 0]).flat(), Op.call, 0];
    const spilling = buildGuest({
      imports: ["call_asm"],
      functions: [
        {
          type: { params: [], results: [] },
          code: [
            ...wide,
            ...new Array(3000).fill([...call, Op.drop]).flat(),
            ...new Array(3000).fill(Op.drop),
            Op.end,
          ],
        },
      ],
    });
    const start = process.cpuUsage();
    t.throws(() => prepareImage(spilling, LIMITS), {
      code: "EDGELESS_WASM_TOO_LARGE",
      message: /larger than/,
    });
    t.ok(process.cpuUsage(start).user < 2_000_000);
    t.throws(() => prepareImage(new Uint8Array(9 * 1024 * 1024), LIMITS), {
      code: "EDGELESS_WASM_TOO_LARGE",
    });
  },
);

t.test(
  "given the same source, when many instances need it, then it is prepared and compiled once",
  async (t) => {
    const cache = new ImageCache(LIMITS, 2);
    const first = cache.get(EMPTY);
    t.equal(cache.get(EMPTY.slice()).module, first.module);
    t.equal(first.image.suspends, false);
    t.match(first.image.digest, /^[0-9a-f]{64}$/);
    cache.get(buildGuest({ pages: [2] }));
    cache.get(EMPTY);
    cache.get(buildGuest({ pages: [3] }));
    t.equal(cache.size, 2);
    t.equal(cache.get(EMPTY), first, "the least recently used one was forgotten");
    t.throws(() => cache.get(new Uint8Array()), { code: "EDGELESS_BAD_WASM" });
    t.equal(cache.size, 2);
  },
);
