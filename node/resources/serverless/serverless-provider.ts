import { EdgelessError, reasonOf } from "../../../core/errors.js";
import { formatInstanceId, type InstanceId } from "../../../core/instance-id.js";
import { HttpClient, type HttpClientOptions } from "../http-client.js";
import { independentProvider } from "../independent-provider.js";
import type {
  ResourceClass,
  ResourceContext,
  ResourceEvent,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { urlWithoutSecrets } from "../url-without-secrets.js";

/** The class as it stands in the catalogue; a node offers it under the class types and versions that it configures. */
export const SERVERLESS_CLASS: ResourceClass = {
  classType: "serverless",
  version: "as configured",
  outputs: ["err", "out"],
  configurations: new Map(),
  description:
    "Posts each cast to a function at an OpenFaaS-compatible URL and casts its answer; class type and version are those that the node configures.",
};

/** What {@link serverlessProvider} works with. */
export interface ServerlessParts {
  readonly providerId: string;
  readonly classType: string;
  readonly version: string;
  /** http or https; see {@link readFunctionUrl}. */
  readonly functionUrl: URL;
  readonly client: HttpClientOptions;
}

/** A resource class backed by a function behind HTTP; its instances work one message at a time, each for itself. */
export function serverlessProvider(parts: ServerlessParts): ResourceProviderHost {
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: { ...SERVERLESS_CLASS, classType: parts.classType, version: parts.version },
    concurrency: 1,
    start: (_configuration, context) => start(parts, context),
  });
}

async function start(parts: ServerlessParts, context: ResourceContext): Promise<ResourceInstance> {
  const { functionUrl } = parts;
  const client = new HttpClient(parts.client);
  const targets = new Map<string, InstanceId>();
  const castTo = (channel: string, text: string, event: ResourceEvent) => {
    const target = targets.get(channel);
    if (target !== undefined) context.cast(target, text, event.metadata);
  };
  return {
    async handle(event) {
      if (event.type === "call") return { type: "err" };
      try {
        castTo("out", await ask(client, functionUrl, event.payload), event);
      } catch (error) {
        const where = `${urlWithoutSecrets(functionUrl.href)} by ${formatInstanceId(context.id)}`;
        castTo("err", `error when calling serverless function at ${where}: ${reasonOf(error)}`, event);
        throw error;
      }
      return { type: "call-no-ret" };
    },
    patch(outputs) {
      targets.clear();
      for (const [channel, target] of outputs) targets.set(channel, target);
    },
    stop: async () => client.close(),
  };
}

/**
 * The URL of a function, from the node's configuration.
 * @returns undefined when it is no http or https URL
 */
export function readFunctionUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}

async function ask(client: HttpClient, url: URL, payload: string): Promise<string> {
  const body = Buffer.from(payload);
  const answer = await client.send({ method: "Post", url, headers: new Map(), body });
  if (answer.status !== 200) throw new EdgelessError("EDGELESS_REJECTED", `the status was ${answer.status}`);
  return Buffer.from(answer.body ?? []).toString();
}
