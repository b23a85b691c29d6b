/** Where a function outside the node lives: a container that the node started, or a server that was there before. */
export interface GuestPlace {
  /** Of its GuestAPIFunction service. */
  readonly url: string;
  /** Has `onGone` called once, with the reason, when the function is gone by itself. */
  watch(onGone: (reason: string) => void): void;
  /** Ends what the node started; never throws. */
  close(): Promise<void>;
}
