import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import { decodeBase64 } from "../base64.js";
import { HttpClient, type HttpClientOptions } from "../http-client.js";
import { independentProvider } from "../independent-provider.js";
import { readFlag } from "../read-flag.js";
import type { ResourceClass, ResourceInstance, ResourceProviderHost } from "../resource-provider.js";

export const HTTP_POSTER_CLASS: ResourceClass = {
  classType: "http-poster",
  version: "1.0",
  outputs: [],
  configurations: new Map([
    ["url", "where to post, http or https; required"],
    ["decode_base64", "true: the message is base64, post the bytes it stands for; default false"],
  ]),
  description: "Posts each message to a URL.",
};

/** Resource class `http-poster`: POSTs the payload of each cast, in order; calls are refused. */
export function httpPosterProvider(providerId: string, client: HttpClientOptions): ResourceProviderHost {
  return independentProvider({
    providerId,
    resourceClass: HTTP_POSTER_CLASS,
    concurrency: 1,
    start: (configuration) => start(client, configuration),
  });
}

async function start(options: HttpClientOptions, configuration: StringMap): Promise<ResourceInstance> {
  const url = readUrl(configuration);
  const decode = readFlag(configuration, "decode_base64");
  const client = new HttpClient(options);
  return {
    async handle({ type, payload }) {
      if (type === "call") return { type: "err" };
      const body = decode ? decodeBase64(payload) : Buffer.from(payload);
      if (body === undefined)
        throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the message is not base64: nothing was posted");
      const { status } = await client.send({ method: "Post", url, headers: new Map(), body });
      if (status >= 400) throw new EdgelessError("EDGELESS_REJECTED", `${url.origin} answered ${status}`);
      return { type: "call-no-ret" };
    },
    patch: () => {},
    stop: async () => client.close(),
  };
}

function readUrl(configuration: StringMap): URL {
  const text = configuration.get("url") ?? "";
  if (text === "") throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "Field 'url' missing");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "url is not an http or https URL");
  }
  return url;
}
