import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { buildFunction } from "../../../toolchain/assemblyscript/build-function.js";
import { GUEST_EXPORTS, GUEST_IMPORTS } from "../../../toolchain/image/guest-abi.js";
import { translateModule } from "../../../toolchain/translate/translate.js";
import { EspruinoBoard, NO_ESPRUINO } from "../../kit/espruino-board.js";
import { shippedModule } from "../../kit/guest-driver.js";
import { ROOT } from "../../kit/repository.js";

t.setTimeout(600_000);

/** All but the one that never ends by design. */
const FUNCTIONS = readdirSync(join(ROOT, "functions")).filter(
  (id) => id !== "infinite_test" && existsSync(join(ROOT, "functions", id, "function.json")),
);

/** Functions for boards, in the profile for them. */
const TINY = ["double_tiny", "double", "sensor_simulator"];

const PAYLOADS = ["21", "-0.125", "PING", "20.5;40;1013.25", '{"value":7,"msg":"x"}', ""];

/** What a board gives at first, and more for functions that keep more. */
const MEMORIES = [4096, 8192, 12_288, 16_384];

/** Functions that keep more than a board has, and end there. */
const TOO_LARGE = ["matrix_mul"];

const LIMIT_MS = 60_000;

/**
 * A course of events, in the language of the interpreter: `x` are the memory and the exports of a function, `host` is what it
 * imports by number, and everything that it does is printed.
 */
const COURSE = `
function text(p,n){var s="",m=x[0];p=p>>>0;n=n>>>0;for(var i=0;i<n;i++)s+=String.fromCharCode(m[p+i]);return btoa(s)}
function note(s){print("@"+s)}
function write(p,v){var m=x[0];p=p>>>0;m[p]=v;m[p+1]=v>>8;m[p+2]=v>>16;m[p+3]=v>>24}
function place(s){var p=go(1,s.length)>>>0,m=x[0];for(var i=0;i<s.length;i++)m[p+i]=s.charCodeAt(i);return p}
function go(i,a,b,c,d,e,f){var g=x[i];return g?g(a,b,c,d,e,f):0}
var calls=0,ID="0123456789abcdef";
function answer(p,n,at,length){
  calls++;
  if(calls%3!=1)return calls%3;
  var s="";
  for(var i=0;i<n;i++)s+=String.fromCharCode(x[0][(p>>>0)+i]);
  var r=place(s);write(at,r);write(length,n);return 1
}
function host(w,a,b,c,d,e,f){
  if(w<6)throw "trap "+w;
  if(w==6)return 64;
  if(w==8)note("cast "+text(a,b)+" "+text(c,d));
  if(w==9)note("cast raw "+text(a,16)+text(b,16)+" "+text(c,d));
  if(w==10){note("call "+text(a,b)+" "+text(c,d));return answer(c,d,e,f)}
  if(w==11){note("call raw "+text(a,16)+text(b,16)+" "+text(c,d));return answer(c,d,e,f)}
  if(w==12)note("delayed "+a+" "+text(b,c)+" "+text(d,e));
  if(w==13)note("log "+a+" "+text(b,c)+" "+text(d,e));
  if(w==14){for(var i=0;i<16;i++){x[0][(a>>>0)+i]=i;x[0][(b>>>0)+i]=9*i}}
  if(w==15)note("sync "+text(a,b));
}
function event(i,s){
  go(3);
  var c=place(ID),n=place(ID),p=s.length?place(s):c,r=0,v;
  if(i==6)r=place("........");
  v=go(i,n,c,p,s.length,r,r+4);
  if(i==6)note("result "+v+" "+(v==1?text(x[0][r]|x[0][r+1]<<8,x[0][r+4]|x[0][r+5]<<8):""));
  go(2,c,16);go(2,n,16);if(s.length)go(2,p,s.length);if(r)go(2,r,8)
}
function course(payloads){
  try{
    var s="period=1000,seed=7",p=place(s);
    go(4,p,s.length,0,0);go(2,p,s.length);
    payloads.forEach(function(s){event(5,s)});
    event(6,"21");event(6,"12.5");
    go(3);go(7);
  }catch(e){note("trap")}
  print("@END")
}
`;
const RUN = `course(${JSON.stringify(PAYLOADS)});`;

/** The lines of a course with the module in the engine of Node.js. */
function inEngine(wasm: Uint8Array): string[] {
  const lines: string[] = [];
  const x: Record<number, unknown> = {};
  const run = new Function("print", "x", `${COURSE};return [host,function(){${RUN}}]`) as (
    print: (line: string) => void,
    x: Record<number, unknown>,
  ) => [host: (...args: (number | bigint)[]) => number | undefined, course: () => void];
  const [host, course] = run((line) => void lines.push(line), x);
  const imports = Object.keys(GUEST_IMPORTS).map(
    (name, at): [string, (...args: (number | bigint)[]) => unknown] => [
      name,
      (...args: (number | bigint)[]) => host(8 + at, ...args.map(Number)),
    ],
  );
  const env = { ...Object.fromEntries(imports), abort: () => host(0) };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env });
  Object.defineProperty(x, 0, { get: () => new Uint8Array((exports.memory as WebAssembly.Memory).buffer) });
  for (const [at, name] of Object.keys(GUEST_EXPORTS).entries()) x[at + 1] = exports[name];
  course();
  return lines;
}

/** The lines of the same course with its translation on the interpreter, with so much memory. */
async function onInterpreter(wasm: Uint8Array, maxMemoryBytes: number): Promise<string[]> {
  let code: string;
  try {
    code = translateModule(wasm, { maxMemoryBytes }).code;
  } catch {
    return ["@trap"];
  }
  const head = code.indexOf("){");
  const start = `var x,t=require("Storage").read("f"),H=Function("${code.slice("(function(".length, head)}",t.substr(${head + 2},${code.length - head - 4}));
t=undefined;try{x=H(host);H=undefined;${RUN}}catch(e){print("@trap");print("@END")}`;
  const run = new EspruinoBoard();
  try {
    await run
      .store({ f: code })
      .powerOn(COURSE + start)
      .says(/@END/, LIMIT_MS);
    const lines = run.output.replaceAll("\r", "").split("\n");
    return lines.filter((line) => line.startsWith("@"));
  } finally {
    run.close();
  }
}

/** With the smallest memory in which it does not trap. */
async function withEnoughMemory(wasm: Uint8Array): Promise<{ memory: number; lines: string[] }> {
  let lines: string[] = [];
  for (const memory of MEMORIES) {
    try {
      lines = await onInterpreter(wasm, memory);
    } catch {
      // It ran out of variables.
      return { memory, lines: ["@no room"] };
    }
    if (!lines.includes("@trap")) return { memory, lines };
  }
  return { memory: 0, lines };
}

t.test(
  "given the library, when it runs translated on a real interpreter, then it does what it does in the engine",
  { skip: NO_ESPRUINO },
  async (t) => {
    const modules = FUNCTIONS.map((id) => ({ name: id, wasm: shippedModule(id) }));
    for (const id of TINY) {
      const { wasmFile } = await buildFunction(join(ROOT, "functions", id), {
        profile: "tiny",
        outFolder: t.testdir(),
      });
      modules.push({ name: `${id} (tiny)`, wasm: readFileSync(wasmFile) });
    }
    for (const { name, wasm } of modules) {
      const expected = inEngine(wasm);
      const { memory, lines } = await withEnoughMemory(wasm);
      if (TOO_LARGE.includes(name)) {
        t.same(lines.at(-2), "@trap", `${name} ends for want of memory`);
        continue;
      }
      t.strictSame(lines, expected, `${name} with ${memory} bytes of memory: ${lines.length} lines`);
    }
  },
);
