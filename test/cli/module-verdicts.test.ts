import t from "tap";
import { formatModule } from "../../cli/functions/format-module.js";
import { moduleVerdicts } from "../../cli/functions/module-verdicts.js";
import { FUNCTION_MEMORY_BYTES } from "../../embedded/board-limits.js";
import { abiFaults } from "../../toolchain/image/check-abi.js";
import { inspectModule } from "../../toolchain/image/inspect.js";
import { Op } from "../../toolchain/wasm/opcode.js";
import { ValueType } from "../../toolchain/wasm/value-type.js";
import { buildGuest } from "../toolchain/image/guest-module.js";

const NOTHING = { params: [], results: [] };

function targetsOf(wasm: Uint8Array) {
  return Object.fromEntries(moduleVerdicts(wasm, inspectModule(wasm)).map((each) => [each.target, each]));
}

function shown(wasm: Uint8Array): string {
  const info = inspectModule(wasm);
  return formatModule("f.wasm", info, abiFaults(info), moduleVerdicts(wasm, info));
}

t.test("given modules, when they are judged, then each target has its own reasons", async (t) => {
  const small = targetsOf(buildGuest({}));
  for (const target of ["rust-node", "node", "device", "board"])
    t.match(small[target], { runs: true, reasons: [] });
  t.match(small.board?.translated, { memoryBytes: FUNCTION_MEMORY_BYTES });

  const wide = {
    type: NOTHING,
    locals: [ValueType.i64, ValueType.f64],
    code: [Op.localGet, 0, 0xb9, Op.localSet, 1, Op.end],
  };
  t.equal(
    targetsOf(buildGuest({ imports: ["call_asm"], functions: [wide] })).board?.runs,
    true,
    "i64, f64 and calls",
  );

  const large = targetsOf(buildGuest({ pages: [3] }));
  t.equal(large.node?.runs, true);
  t.same(large.device?.reasons, ["the module needs 3 pages of memory (192 KiB), 2 are allowed"]);
  const huge = targetsOf(buildGuest({ pages: [1025] }));
  t.equal(huge["rust-node"]?.runs, true);
  t.match(huge.node?.reasons, [/1025 pages/]);

  const code = [...new Array<number[]>(9000).fill([Op.i32Const, 1, Op.drop]).flat(), Op.end];
  const long = targetsOf(buildGuest({ functions: [{ type: NOTHING, code }] }));
  t.match(long.device, { runs: false, reasons: [/the module has 2\d{4} bytes, 16384 are allowed/] });

  const vectors = buildGuest({
    functions: [{ type: NOTHING, code: [0xfd, 0x0c, ...new Array<number>(16).fill(0), Op.drop, Op.end] }],
  });
  t.match(targetsOf(vectors), {
    "rust-node": { runs: true },
    node: { reasons: ["the module uses simd"] },
    board: { runs: false, reasons: [/simd/] },
  });
});

t.test(
  "given a module that breaks the guest ABI, when it is shown, then what breaks it is said once",
  async (t) => {
    const text = Buffer.from(buildGuest({ imports: ["sync_asm"] })).toString("latin1");
    const broken = Uint8Array.from(Buffer.from(text.replace("sync_asm", "sink_asm"), "latin1"));
    const page = shown(broken);
    t.equal(page.match(/env\.sink_asm is not one of/g)?.length, 1);
    t.equal(page.match(/does not run/g)?.length, 4);
    t.match(
      shown(buildGuest({})),
      new RegExp(
        `translated +runs, as \\d+ bytes of JavaScript with ${FUNCTION_MEMORY_BYTES} bytes of memory`,
      ),
    );
  },
);
