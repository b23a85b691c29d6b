// What the compiler calls to make objects, in functions whose objects never outlive an event: memory is one block after the
// other, and is given back in the opposite order or all at once. Such a function has one page of memory.

const PAGE: usize = 65536;

/** In front of an object: its class and its size, as the compiler reads them. */
const HEADER: usize = 8;

let offset: usize = rounded(__heap_base);

function rounded(size: usize): usize {
  return (size + 7) & ~7;
}

/** Reserves bytes, which may hold anything. Traps when there are not as many. */
export function reserve(size: usize): usize {
  const ptr = offset;
  if (size > PAGE - ptr) unreachable();
  offset = ptr + rounded(size);
  return ptr;
}

/** Gives a block back, if nothing was reserved after it. */
export function giveBack(ptr: usize, size: usize): void {
  if (ptr + rounded(size) == offset) offset = ptr;
}

/** Where the next block will be. */
export function mark(): usize {
  return offset;
}

/** Gives back all blocks from an earlier mark on. */
export function forgetSince(earlier: usize): void {
  offset = earlier;
}

export function __new(size: usize, id: u32): usize {
  const ptr = reserve(size + HEADER) + HEADER;
  store<u32>(ptr - 8, id);
  store<u32>(ptr - 4, <u32>size);
  return ptr;
}

export function __renew(old: usize, size: usize): usize {
  const had = <usize>load<u32>(old - 4);
  if (old + rounded(had) == offset) {
    offset = old;
    reserve(size);
  } else if (size > had) {
    const ptr = __new(size, load<u32>(old - 8));
    memory.copy(ptr, old, had);
    return ptr;
  }
  store<u32>(old - 4, <u32>size);
  return old;
}

/** As {@link __new} for a block that is no object. */
export function __alloc(size: usize): usize {
  if (size > PAGE) unreachable();
  return __new(size, 0);
}

export function __realloc(ptr: usize, size: usize): usize {
  if (size > PAGE) unreachable();
  return __renew(ptr, size);
}

export function __free(ptr: usize): void {
  giveBack(ptr - HEADER, <usize>load<u32>(ptr - 4) + HEADER);
}

export function __reset(): void {
  offset = rounded(__heap_base);
}

export function __link(parent: usize, child: usize, expectMultiple: bool): void {}

export function __pin(ptr: usize): usize {
  return ptr;
}

export function __unpin(ptr: usize): void {}

export function __visit(ptr: usize, cookie: u32): void {}

export function __collect(): void {}
