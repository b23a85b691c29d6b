import { EdgelessError } from "../../../core/errors.js";
import { HttpClient, type HttpClientOptions } from "../http-client.js";
import { decodeHttpRequest, encodeHttpResponse, type HttpRequest } from "../http-message.js";
import { independentProvider } from "../independent-provider.js";
import type { ResourceClass, ResourceInstance, ResourceProviderHost } from "../resource-provider.js";

export const HTTP_EGRESS_CLASS: ResourceClass = {
  classType: "http-egress",
  version: "1.1",
  outputs: [],
  configurations: new Map(),
  description: "Performs the HTTP request of each call, given and answered as JSON.",
};

/** Resource class `http-egress`: a call carries a request as JSON and is answered with the response as JSON. */
export function httpEgressProvider(providerId: string, client: HttpClientOptions): ResourceProviderHost {
  return independentProvider({
    providerId,
    resourceClass: HTTP_EGRESS_CLASS,
    /** Requests of one instance that run at a time. */
    concurrency: 64,
    start: () => start(client),
  });
}

async function start(options: HttpClientOptions): Promise<ResourceInstance> {
  const client = new HttpClient(options);
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

function urlOf({ protocol, host, path }: HttpRequest): URL {
  const text = `${protocol === "HTTPS" ? "https" : "http"}://${host}${path}`;
  if (!URL.canParse(text))
    throw new EdgelessError("EDGELESS_BAD_URL", "the host and path of the request give no URL");
  return new URL(text);
}
