/** How often each value comes up; the expected ones are there also when they do not. */
export function countBy<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  expected: readonly string[],
): ReadonlyMap<string, number> {
  const counts = new Map(expected.map((value) => [value, 0]));
  for (const item of items) {
    const value = keyOf(item);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}
