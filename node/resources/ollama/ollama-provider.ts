import { EdgelessError } from "../../../core/errors.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { StringMap } from "../../../core/specification.js";
import { HttpClient, type HttpClientOptions } from "../http-client.js";
import { independentProvider } from "../independent-provider.js";
import type {
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { type ChatMessage, decodeChat, encodeChat, keepNewest } from "./chat.js";

export const OLLAMA_CLASS: ResourceClass = {
  classType: "ollama",
  version: "1.1",
  outputs: ["out"],
  configurations: new Map([["model", "name of the model, as the Ollama server knows it; required"]]),
  description: "Chats with a large language model: each cast is a prompt, the answer is cast to out.",
};

/** What {@link ollamaProvider} works with. */
export interface OllamaParts {
  readonly providerId: string;
  /** Of the server, http. */
  readonly url: URL;
  /** Most messages of a conversation that are remembered. */
  readonly messagesNumberLimit: number;
  readonly client: HttpClientOptions;
}

/** Resource class `ollama`: every instance has a conversation of its own, which ends with it. */
export function ollamaProvider(parts: OllamaParts): ResourceProviderHost {
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: OLLAMA_CLASS,
    concurrency: 1,
    start: (configuration, context) => start(parts, configuration, context),
  });
}

async function start(
  parts: OllamaParts,
  configuration: StringMap,
  context: ResourceContext,
): Promise<ResourceInstance> {
  const { url, messagesNumberLimit } = parts;
  const model = configuration.get("model") ?? "";
  if (model === "") throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "Missing model name");
  const client = new HttpClient(parts.client);
  const chat = new URL("/api/chat", url);
  const headers = new Map([["content-type", "application/json"]]);
  let history: ChatMessage[] = [];
  let target: InstanceId | undefined;
  return {
    async handle({ type, payload, metadata }) {
      if (type === "call") return { type: "err" };
      if (target === undefined)
        throw new EdgelessError("EDGELESS_REJECTED", "out leads nowhere: nothing was asked");
      const prompt: ChatMessage = { role: "user", content: payload };
      const body = encodeChat(model, [...history, prompt]);
      const answer = decodeChat(await client.send({ method: "Post", url: chat, headers, body }));
      history = keepNewest([...history, prompt, { role: "assistant", content: answer }], messagesNumberLimit);
      if (target !== undefined) context.cast(target, answer, metadata);
      return { type: "call-no-ret" };
    },
    patch(outputs) {
      target = outputs.get("out");
      if (target === undefined)
        throw new EdgelessError("EDGELESS_REJECTED", "Missing mapping of channel: out");
    },
    stop: async () => client.close(),
  };
}
