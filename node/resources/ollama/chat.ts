import { z } from "zod";
import { EdgelessError } from "../../../core/errors.js";
import type { HttpResponse } from "../http-message.js";

/** One message of a conversation with a model. */
export interface ChatMessage {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** A part of an answer of `POST /api/chat` (public API description of Ollama). */
const answerSchema = z.object({
  message: z.object({ content: z.string() }).optional(),
  error: z.string().optional(),
});

/** The body of `POST /api/chat` that asks for one whole answer. */
export function encodeChat(model: string, messages: readonly ChatMessage[]): Uint8Array {
  return Buffer.from(JSON.stringify({ model, messages, stream: false }));
}

/**
 * The text of an answer; one that comes in parts, a JSON object a line, is put together.
 * @throws EdgelessError EDGELESS_REJECTED with the words of the server, EDGELESS_BAD_MESSAGE
 */
export function decodeChat({ status, body }: HttpResponse): string {
  const lines = Buffer.from(body ?? [])
    .toString()
    .split("\n");
  const parts = lines.filter((line) => line.trim() !== "").map((line) => readPart(line, status));
  const refused = parts.find((part) => part.error !== undefined)?.error;
  if (refused !== undefined || status !== 200) {
    const reason = refused === undefined ? "" : `: ${refused.slice(0, 200)}`;
    throw new EdgelessError("EDGELESS_REJECTED", `Ollama answered with status ${status}${reason}`);
  }
  const texts = parts.flatMap(({ message }) => (message === undefined ? [] : [message.content]));
  if (texts.length === 0)
    throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the answer of Ollama holds no message");
  return texts.join("");
}

/** What belongs before the next message: the newest `limit` messages. */
export function keepNewest(messages: readonly ChatMessage[], limit: number): ChatMessage[] {
  return limit === 0 ? [] : messages.slice(-limit);
}

function readPart(line: string, status: number): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(line));
  } catch (error) {
    if (status !== 200) return {};
    throw new EdgelessError(
      "EDGELESS_BAD_MESSAGE",
      "the answer of Ollama is not the JSON of its chat API",
      error,
    );
  }
}
