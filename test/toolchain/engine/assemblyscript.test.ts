import asc from "assemblyscript/asc";
import t from "tap";
import { runPlain, runPrepared } from "../image/guest-runs.js";

/** Waits in the comparison of a sort, so in a function called through a table from the compiler's library. */
const SOURCE = `
@external("env", "call_asm")
declare function call_asm(a: usize, b: i32, c: usize, d: i32, e: usize, f: usize): i32;
@external("env", "cast_asm")
declare function cast_asm(a: usize, b: i32, c: usize, d: i32): void;

class Shape {
  area(): f64 { return 0; }
}
class Square extends Shape {
  constructor(private side: f64) { super(); }
  area(): f64 { return this.side * this.side + call_asm(1, 0, 0, 0, 0, 0); }
}

function send(text: string): void {
  const bytes = String.UTF8.encode(text);
  memory.copy(256, changetype<usize>(bytes), bytes.byteLength);
  cast_asm(256, bytes.byteLength, 0, 0);
}

export function handle_init_asm(a: i32, b: i32, c: i32, d: i32): void {
  const numbers: i32[] = [];
  for (let i = 0; i < 40; i++) numbers.push((i * 7919) % 41);
  numbers.sort((x, y) => x - y + (call_asm(x, y, 0, 0, 0, 0) > 9 ? 1 : 0));
  send(numbers.join(","));
  const shapes: Shape[] = [new Shape(), new Square(1.5), new Square(<f64>a)];
  let sum: f64 = 0;
  for (let i = 0; i < shapes.length; i++) sum += shapes[i].area() * (1.0 + shapes[shapes.length - 1 - i].area());
  send(sum.toString());
}
export function edgeless_mem_alloc(length: i32): i32 { return 1024; }
export function edgeless_mem_free(address: i32, length: i32): void {}
export function edgeless_mem_clear(): void {}
export function handle_stop_asm(): void {}
export function handle_call_asm(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32): i32 { return 0; }
export function handle_cast_asm(a: i32, b: i32, c: i32, d: i32): void {}
`;

async function compile(...options: string[]): Promise<Uint8Array> {
  let wasm = new Uint8Array();
  const fixed = ["guest.ts", "--outFile", "guest.wasm", "--use", "abort=", "--memoryBase", "8192"];
  const { stderr } = await asc.main([...fixed, ...options], {
    readFile: (name) => (name === "guest.ts" ? SOURCE : null),
    writeFile: (_, contents) => {
      wasm = typeof contents === "string" ? wasm : Uint8Array.from(contents);
    },
    listFiles: () => [],
  });
  if (wasm.length === 0) {
    throw new Error(stderr.toString());
  }
  return wasm;
}

for (const options of [
  ["-Oz", "--runtime", "minimal"],
  ["-O0", "--runtime", "incremental"],
]) {
  t.test(
    `given a function compiled with ${options.join(" ")}, when it waits anywhere, then nothing changes`,
    async (t) => {
      const wasm = await compile(...options);
      const plain = runPlain(wasm, "handle_init_asm");
      const suspended = runPrepared(wasm, "handle_init_asm", () => true, 1_000_000);
      t.equal(plain.end, "returned");
      t.same(
        { end: suspended.end, memory: suspended.memory, calls: suspended.calls },
        { end: plain.end, memory: plain.memory, calls: plain.calls },
      );
      t.ok(suspended.suspensions > 100, `${suspended.suspensions} suspensions`);
      const direct = runPrepared(wasm, "handle_init_asm", () => false, 1_000_000);
      t.equal(suspended.fuel, direct.fuel, "waiting costs no fuel");
    },
  );
}
