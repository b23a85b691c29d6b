import type { IncomingMessage } from "node:http";

/**
 * Collects the body of a message.
 * @param limit most bytes taken
 * @param waste how many bytes beyond the limit are read and dropped, so that the peer is ready for an answer
 * @param take asked for each piece; what it throws ends the message
 * @returns undefined when the body is longer than `limit`; what is beyond `waste` is left unread
 */
export async function readBody(
  message: IncomingMessage,
  limit: number,
  waste = 0,
  take: (bytes: number) => void = () => {},
): Promise<Uint8Array | undefined> {
  if (Number(message.headers["content-length"] ?? 0) > limit + waste) return undefined;
  return await new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) {
        try {
          take(chunk.length);
        } catch (error) {
          reject(error);
          message.destroy();
          return;
        }
        chunks.push(chunk);
      } else chunks = [];
      if (size > limit + waste) {
        message.pause();
        resolve(undefined);
      }
    });
    message.on("end", () => resolve(size > limit ? undefined : Buffer.concat(chunks)));
    message.on("error", reject);
    message.on("close", () => reject(new Error("the connection ended within the body")));
  });
}
