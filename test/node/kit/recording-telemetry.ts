import type { DropReason, Telemetry } from "../../../node/telemetry/telemetry.js";

/** Telemetry that only counts dropped events, by reason. */
export class RecordingTelemetry implements Telemetry {
  readonly drops = new Map<DropReason, number>();

  /** Dropped events so far, as an object for comparison. */
  get dropCounts(): { readonly [reason: string]: number } {
    return Object.fromEntries(this.drops);
  }

  dropped(reason: DropReason, count: number): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + count);
  }

  accepted(): void {}
  released(): void {}
  instantiated(): void {}
  initialised(): void {}
  transferred(): void {}
  executed(): void {}
  stopped(): void {}
  exited(): void {}
  sent(): void {}
  logged(): void {}
}
