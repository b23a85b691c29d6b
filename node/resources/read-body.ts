import type { IncomingMessage } from "node:http";

/**
 * Collects the body of a message.
 * @param limit most bytes taken
 * @returns undefined when the body is longer; the rest is then left unread
 */
export async function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  if (Number(message.headers["content-length"] ?? 0) > limit) return undefined;
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        message.pause();
        resolve(undefined);
      } else chunks.push(chunk);
    });
    message.on("end", () => resolve(Buffer.concat(chunks)));
    message.on("error", reject);
    message.on("close", () => reject(new Error("the connection ended within the body")));
  });
}
