import type { Duplex } from "node:stream";

/**
 * Ends a stream with whatever a listener of its data throws. Drivers trust the framing of their servers: a malformed
 * answer makes them throw where nobody but the process could catch it.
 */
export function guardData(stream: Duplex): void {
  const emit = stream.emit.bind(stream);
  stream.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== "data") return emit(event, ...values);
    try {
      return emit(event, ...values);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  };
}
