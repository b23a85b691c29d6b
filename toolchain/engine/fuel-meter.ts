/** Decides how long a guest may run. Fuel is counted in about one unit per WebAssembly instruction. */
export interface FuelMeter {
  /** A stretch of guest execution begins: a handler, an allocation, or what follows a suspension. */
  start(): void;
  /**
   * The guest has used up what it was given since the last call: the fuel for the next stretch (at least 1), or throws
   * to end the guest; what is thrown comes out of `run` or `resume`.
   */
  exhausted(): number;
}
