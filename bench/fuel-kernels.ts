/**
 * AssemblyScript source of the compute kernels: `handle_cast_asm(kernel, n, _, _)` runs one of them n times, and
 * `handle_call_asm(n, ...)` waits n times for an answer.
 */
export const KERNEL_SOURCE = `
const BUFFER: usize = 32768;

function sum(n: i32): i32 {
  let s = 0;
  for (let i = 0; i < n * 100000; i++) s += i ^ (s << 1);
  return s;
}

function sieve(n: i32): i32 {
  let found = 0;
  for (let r = 0; r < n; r++) {
    memory.fill(BUFFER, 1, 8192);
    found = 0;
    for (let i = 2; i < 8192; i++) {
      if (load<u8>(BUFFER + i)) {
        found++;
        for (let k = i + i; k < 8192; k += i) store<u8>(BUFFER + k, 0);
      }
    }
  }
  return found;
}

function matrix(n: i32): i32 {
  const a = BUFFER, b = BUFFER + 8192, c = BUFFER + 16384;
  for (let i = 0; i < 1024; i++) { store<f64>(a + i * 8, <f64>i); store<f64>(b + i * 8, 1.5); }
  for (let r = 0; r < n; r++)
    for (let i = 0; i < 32; i++)
      for (let j = 0; j < 32; j++) {
        let s: f64 = 0;
        for (let k = 0; k < 32; k++) s += load<f64>(a + (i * 32 + k) * 8) * load<f64>(b + (k * 32 + j) * 8);
        store<f64>(c + (i * 32 + j) * 8, s);
      }
  return <i32>load<f64>(c + 800);
}

function crc(n: i32): i32 {
  let c: u32 = 0xffffffff;
  for (let r = 0; r < n; r++)
    for (let i = 0; i < 4096; i++) {
      c ^= load<u8>(BUFFER + i);
      for (let k = 0; k < 8; k++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
    }
  return c;
}

function fib(n: i32): i32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

function recursion(n: i32): i32 {
  let s = 0;
  for (let r = 0; r < n; r++) s += fib(20);
  return s;
}

function collatz(n: i32): i32 {
  let most = 0;
  for (let r = 0; r < n; r++)
    for (let i = 1; i < 1000; i++) {
      let x: i64 = i, steps = 0;
      while (x != 1) { x = x & 1 ? 3 * x + 1 : x >> 1; steps++; }
      if (steps > most) most = steps;
    }
  return most;
}

@external("env", "call_asm")
declare function call_asm(a: usize, b: i32, c: usize, d: i32, e: usize, f: usize): i32;

function waits(n: i32): i32 {
  let s = 0;
  for (let i = 0; i < n; i++) s += call_asm(0, 0, 0, 0, 0, 0);
  return s;
}

export function edgeless_mem_alloc(length: i32): i32 { return 16; }
export function edgeless_mem_free(address: i32, length: i32): void {}
export function edgeless_mem_clear(): void {}
export function handle_init_asm(a: i32, b: i32, c: i32, d: i32): void {}
export function handle_stop_asm(): void {}
export function handle_call_asm(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32): i32 { return waits(a); }
export function handle_cast_asm(kernel: i32, n: i32, c: i32, d: i32): void {
  let result = 0;
  switch (kernel) {
    case 0: result = sum(n); break;
    case 1: result = sieve(n); break;
    case 2: result = matrix(n); break;
    case 3: result = crc(n); break;
    case 4: result = recursion(n); break;
    case 5: result = collatz(n); break;
  }
  store<i32>(0, result);
}
`;

/** Names of the kernels, in the order of their numbers. */
export const KERNELS = [
  "sum of integers",
  "prime sieve",
  "matrix product",
  "CRC-32",
  "recursion (Fibonacci)",
  "Collatz, 64-bit",
] as const;
