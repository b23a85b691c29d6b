import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import { HttpClient, type HttpClientOptions } from "../http-client.js";
import { decodeHttpRequest, encodeHttpResponse, type HttpRequest } from "../http-message.js";
import type { ResourceClass, ResourceInstance, ResourceProviderHost } from "../resource-provider.js";

export const HTTP_EGRESS_CLASS: ResourceClass = {
  classType: "http-egress",
  version: "1.1",
  outputs: [],
  configurations: new Map(),
  description: "Performs the HTTP request of each call, given and answered as JSON.",
};

/** Resource class `http-egress`: a call carries a request as JSON and is answered with the response as JSON. */
export class HttpEgressProvider implements ResourceProviderHost {
  readonly resourceClass = HTTP_EGRESS_CLASS;
  /** Requests of one instance that run at a time. */
  readonly concurrency = 64;
  readonly providerId: string;
  readonly #client: HttpClientOptions;

  constructor(providerId: string, client: HttpClientOptions) {
    this.providerId = providerId;
    this.#client = client;
  }

  async start(_configuration: StringMap): Promise<ResourceInstance> {
    const client = new HttpClient(this.#client);
    return {
      async handle({ type, payload }) {
        if (type === "cast") return { type: "call-no-ret" };
        const request = decodeHttpRequest(payload);
        const response = await client.send({ ...request, url: urlOf(request) });
        return { type: "call-ret", payload: encodeHttpResponse(response) };
      },
      patch: () => {},
      stop: async () => client.close(),
    };
  }

  async close(): Promise<void> {}
}

function urlOf({ protocol, host, path }: HttpRequest): URL {
  const text = `${protocol === "HTTPS" ? "https" : "http"}://${host}${path}`;
  if (!URL.canParse(text))
    throw new EdgelessError("EDGELESS_BAD_URL", `host and path give no URL: "${text.slice(0, 120)}"`);
  return new URL(text);
}
