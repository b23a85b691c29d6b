/** Counts per label value; put into the registry only when the page is asked for, for an event must cost little. */
export class Tally {
  readonly counts = new Map<string, number>();

  add(value: string, count: number): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + count);
  }
}
