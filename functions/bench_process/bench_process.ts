import { args, EdgeFunction, Event, Output } from "edgeless";

const out = new Output("out");
/** Not used: there is nothing that can go wrong. */
const err = new Output("err");

/**
 * Benchmark: costs time and memory. Init payload: `forward` (false), `fibonacci`, the number to compute (0),
 * `allocate` bytes (0).
 */
@edgeFunction
class BenchProcess extends EdgeFunction {
  private forward: boolean = false;
  private fibonacci: u32 = 0;
  private reserved: StaticArray<u8> = [];

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.forward = settings.bool("forward");
    this.fibonacci = settings.u32("fibonacci", 0);
    this.reserved = new StaticArray<u8>(<i32>settings.u32("allocate", 0));
  }

  onCast(event: Event): void {
    computeFibonacci(this.fibonacci);
    if (this.forward) out.castBytes(event.ptr, event.len);
  }
}

/** The n-th Fibonacci number, 32 bits a limb, least significant first. */
function computeFibonacci(n: u32): StaticArray<u32> {
  // Each step adds less than 0.6943 bits.
  const limbs = <i32>((<u64>n * 6943) / 320000 + 2);
  let a = new StaticArray<u32>(limbs);
  let b = new StaticArray<u32>(limbs);
  b[0] = 1;
  let used = 1;
  for (let step: u32 = 0; step < n; step++) {
    // (a, b) becomes (b, a + b).
    let carry: u64 = 0;
    for (let i = 0; i < used; i++) {
      carry += <u64>unchecked(a[i]) + <u64>unchecked(b[i]);
      unchecked((a[i] = <u32>carry));
      carry >>= 32;
    }
    if (carry) a[used++] = <u32>carry;
    const next = a;
    a = b;
    b = next;
  }
  return a;
}
