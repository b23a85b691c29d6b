/** Bytes and where they belong in flash. */
export interface FlashImage {
  readonly name: string;
  readonly address: number;
  readonly bytes: Uint8Array;
}
