import type { Duplex } from "node:stream";

/** Most bytes that a server may send in a row, without anything having been sent to it. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

/**
 * Ends a connection with whatever a listener of its data throws, and when an answer does not end. Drivers trust their
 * servers: a malformed answer makes them throw where nobody but the process could catch it, an endless one fills the memory.
 */
export function guardData(
  stream: Duplex & { readonly bytesWritten?: number },
  maxBytes: number = LONGEST_ANSWER,
): void {
  const emit = stream.emit.bind(stream);
  let written: number | undefined;
  let received = 0;
  stream.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== "data") return emit(event, ...values);
    if (stream.bytesWritten !== written) received = 0;
    written = stream.bytesWritten;
    const [chunk] = values;
    if (chunk instanceof Uint8Array) received += chunk.length;
    try {
      if (received > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
      return emit(event, ...values);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  };
}
