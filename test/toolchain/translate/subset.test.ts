import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyNode, parse } from "acorn";
import fc from "fast-check";
import t from "tap";
import { libraryModules, translationSize } from "../../../bench/translation-sizes.js";
import { measuredIn, renderTable, withTable } from "../../../bench/translation-table.js";
import { subsetFaults } from "../../../esp32/bundle/device-subset.js";
import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { translateModule } from "../../../toolchain/translate/translate.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { shippedModule } from "../../kit/guest-driver.js";
import { ROOT } from "../../kit/repository.js";
import { buildGuest } from "../image/guest-module.js";
import { randomProgram } from "../image/random-program.js";

t.setTimeout(180_000);

const FUNCTIONS = readdirSync(join(ROOT, "functions")).filter((id) =>
  existsSync(join(ROOT, "functions", id, "function.json")),
);

/** The syntax that translated functions are made of, all of which a board's interpreter was seen to run. */
const SYNTAX: ReadonlySet<string> = new Set([
  "Program",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "VariableDeclaration",
  "VariableDeclarator",
  "BlockStatement",
  "EmptyStatement",
  "ExpressionStatement",
  "IfStatement",
  "WhileStatement",
  "DoWhileStatement",
  "ForStatement",
  "BreakStatement",
  "ContinueStatement",
  "ReturnStatement",
  "ArrayExpression",
  "AssignmentExpression",
  "BinaryExpression",
  "CallExpression",
  "ConditionalExpression",
  "Identifier",
  "Literal",
  "LogicalExpression",
  "MemberExpression",
  "NewExpression",
  "UnaryExpression",
  "UpdateExpression",
]);
/** Names of more than two characters: what the interpreter gives. */
const GIVEN: ReadonlySet<string> = new Set([
  "ArrayBuffer",
  "Float32Array",
  "Float64Array",
  "Int32Array",
  "Uint16Array",
  "Uint8Array",
  "Math",
  "atob",
  "buffer",
  "ceil",
  "charCodeAt",
  "fill",
  "floor",
  "length",
  "pop",
  "push",
  "set",
  "slice",
  "sqrt",
  "subarray",
]);

/** What is beyond all this in a translated function. */
function faults(code: string): string[] {
  const found = subsetFaults(code, 2020).map(({ what }) => what);
  if (!/^[\x20-\x7e]*$/.test(code)) found.push("characters beyond ASCII");
  const visit = (node: AnyNode) => {
    if (!SYNTAX.has(node.type)) found.push(node.type);
    if (node.type === "Identifier" && !/^(?:[A-Za-z$_]\d*|z9)$/.test(node.name) && !GIVEN.has(node.name))
      found.push(`the name ${node.name}`);
    if ((node.type === "BreakStatement" || node.type === "ContinueStatement") && node.label)
      found.push("a label");
    if (node.type === "VariableDeclaration" && node.kind !== "var") found.push(node.kind);
    if (node.type === "BinaryExpression" && ["**", "in", "instanceof"].includes(node.operator))
      found.push(node.operator);
    if (node.type === "ArrowFunctionExpression" && node.params.some(({ type }) => type !== "Identifier"))
      found.push("a parameter that is no name");
    if (node.type === "Literal" && "regex" in node) found.push("a regular expression");
    for (const value of Object.values(node) as unknown[])
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
        if (typeof child === "object" && child !== null && "type" in child) visit(child as AnyNode);
  };
  visit(parse(code, { ecmaVersion: 2020 }));
  return found;
}

t.test(
  "given any function of the library, when it is translated, then its text is in the subset of a board's interpreter",
  async (t) => {
    for (const id of FUNCTIONS)
      t.same(faults(translateModule(shippedModule(id), { maxMemoryBytes: 8192 }).code), [], id);
    const grows = translateModule(shippedModule("double"), { maxMemoryBytes: 1 << 20 });
    t.same(faults(grows.code), [], "with a memory that grows");
    t.same(faults("((a,b)=>{let c=a**b;return c?.[0]})"), ["let", "**", "ChainExpression"]);
  },
);

t.test(
  "given a loop whose last instruction may leave the function, when it is translated, then no function ends with a bare return",
  async (t) => {
    const loop = [
      Op.loop,
      0x40,
      Op.i32Const,
      7,
      Op.i32Const,
      8,
      Op.call,
      0,
      Op.localGet,
      0,
      Op.brIf,
      1,
      Op.end,
    ];
    const twice = [Op.localGet, 0, Op.call, 1, Op.localGet, 1, Op.call, 1, Op.end];
    const wasm = buildGuest({
      imports: ["slf_asm"],
      functions: [
        { type: { params: [ValueType.i32], results: [] }, code: [...loop, Op.end] },
        { type: GUEST_EXPORTS.handle_init_asm, code: twice },
      ],
      handlers: { handle_init_asm: 1 },
    });
    t.ok(WebAssembly.validate(wasm));
    t.same(faults(translateModule(wasm, { maxMemoryBytes: 1024 }).code), []);
  },
);

t.test(
  "given any program, when it is translated, then its text is in the subset of a board's interpreter",
  async () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 200, maxLength: 1200, size: "max" }), (tape) => {
        const found = faults(translateModule(randomProgram(tape), { maxMemoryBytes: 8192 }).code);
        return found.length === 0;
      }),
      { numRuns: 60 },
    );
  },
);

t.test(
  "given the library, when it is translated, then the page of the translator shows its sizes, which are small",
  async (t) => {
    const page = readFileSync(join(ROOT, "docs", "translator.md"), "utf8");
    const sizes = (await libraryModules(ROOT)).map(translationSize);
    const table = renderTable(sizes, measuredIn(page));
    t.equal(page, withTable(page, table), "node scripts/translation-table.mjs writes it");
    for (const { id, profile, wasmBytes, textBytes } of sizes)
      t.ok(textBytes <= 2 * wasmBytes, `${id} (${profile}): ${textBytes} bytes from ${wasmBytes}`);
    const bytesOf = (wanted: string) =>
      sizes.find(({ id, profile }) => id === wanted && profile === "tiny")?.textBytes ?? Number.NaN;
    t.ok(bytesOf("double") <= 9 * 1024, "double");
    t.ok(bytesOf("double_tiny") <= 2.5 * 1024, "double_tiny");
  },
);
