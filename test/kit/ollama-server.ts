import type { ServerResponse } from "node:http";
import type { ReceivedRequest } from "./http-answers.js";

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/**
 * Answers as `POST /api/chat` of Ollama does, after its public API description; the model repeats what it heard.
 * Prompts that begin with a slash ask for a failure.
 */
export function ollamaAnswer({ url, method, body }: ReceivedRequest, response: ServerResponse): void {
  if (url !== "/api/chat" || method !== "POST") {
    response.writeHead(404).end("404 page not found");
    return;
  }
  const { model, messages } = JSON.parse(body) as ChatRequest;
  const prompt = messages.at(-1)?.content ?? "";
  const whole = (content: string, done = true) =>
    JSON.stringify({
      model,
      created_at: "2024-01-01T00:00:00Z",
      message: { role: "assistant", content },
      done_reason: done ? "stop" : undefined,
      done,
    });
  const send = (status: number, type: string, text: string) =>
    response.writeHead(status, { "content-type": type }).end(text);
  if (prompt === "/hang") return;
  if (prompt === "/cut") response.socket?.destroy();
  else if (prompt === "/missing") send(404, "application/json", `{"error":"model '${model}' not found"}`);
  else if (prompt === "/html") send(200, "text/html", "<html></html>");
  else if (prompt === "/empty") send(200, "application/json", "");
  else if (prompt === "/shape") send(200, "application/json", '{"message":"a text","done":true}');
  else if (prompt === "/parts")
    send(200, "application/x-ndjson", `${whole("in ", false)}\n${whole("parts", false)}\n${whole("")}\n`);
  else send(200, "application/json", whole(`${model} heard ${messages.length}: ${prompt}`));
}
