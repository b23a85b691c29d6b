/** Work that is done again when it is asked for, one run at a time. */
export interface Repeated {
  /** Asks for a run; requests during a run make one more run after it. */
  again(): void;
  /** Resolves when no run is under way. */
  idle(): Promise<void>;
}

/** Makes `work` repeatable; it must not throw. */
export function repeated(work: () => Promise<void>): Repeated {
  let running: Promise<void> | undefined;
  let wanted = false;
  const run = async () => {
    while (wanted) {
      wanted = false;
      await work();
    }
    running = undefined;
  };
  return {
    again() {
      wanted = true;
      running ??= run();
    },
    idle: () => running ?? Promise.resolve(),
  };
}
