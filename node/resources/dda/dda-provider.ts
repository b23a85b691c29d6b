import { EdgelessError, reasonOf } from "../../../core/errors.js";
import { METADATA_NONE } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { StringMap } from "../../../core/specification.js";
import { StreamClient } from "../../../grpc-api/index.js";
import { independentProvider } from "../independent-provider.js";
import type {
  ConnectingProviderParts,
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { readDdaConfiguration } from "./dda-mappings.js";
import { decodeRequest } from "./dda-message.js";
import { DdaSidecar } from "./dda-sidecar.js";
import { LastingSubscription, type LastingSubscriptionParts } from "./lasting-subscription.js";

export const DDA_CLASS: ResourceClass = {
  classType: "dda",
  version: "1.1",
  outputs: ["out"],
  configurations: new Map([
    ["dda_url", "URL of the DDA sidecar, http://host:port; required"],
    [
      "dda_com_subscription_mapping",
      "JSON list of what to listen to: topic, pattern, method, target; required",
    ],
    ["dda_com_publication_mapping", "JSON list of what can be published: topic, pattern, alias; required"],
  ]),
  description:
    "Bridges to a Data Distribution Agent: calls publish, propose and store, what is listened to is cast to the outputs that the mapping names.",
};

/** Longest wait for the sidecar at the start, milliseconds: less than an ε-ORC waits for a node. */
const START_TIMEOUT_MS = 3_000;

/** Resource class `dda`: one connection to the sidecar per instance. */
export function ddaProvider(parts: ConnectingProviderParts): ResourceProviderHost {
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: DDA_CLASS,
    concurrency: 1,
    start: (configuration, context) => start(parts, configuration, context),
  });
}

async function start(
  parts: ConnectingProviderParts,
  configuration: StringMap,
  context: ResourceContext,
): Promise<ResourceInstance> {
  const { url, subscriptions, publications } = readDdaConfiguration(configuration);
  const client = await connect(url);
  const sidecar = new DdaSidecar(client, publications, context.id.functionId);
  let targets: ReadonlyMap<string, InstanceId> = new Map();
  const listening = subscriptions.map((subscription) => {
    const { topic, pattern, target } = subscription;
    const open: LastingSubscriptionParts["open"] = (gotItem, ended) =>
      sidecar.subscribe(
        subscription,
        (message) => {
          gotItem();
          const receiver = targets.get(target);
          if (receiver !== undefined) context.cast(receiver, message, METADATA_NONE);
        },
        ended,
      );
    return new LastingSubscription({
      ...parts,
      logger: context.logger,
      what: `${pattern} ${topic}`,
      open,
    });
  });
  return {
    async handle({ type, payload }) {
      if (type === "cast") return { type: "call-no-ret" };
      return { type: "call-ret", payload: await sidecar.perform(decodeRequest(payload)) };
    },
    patch(outputs) {
      targets = outputs;
    },
    async stop() {
      for (const subscription of listening) subscription.close();
      client.close();
    },
  };
}

async function connect(url: string): Promise<StreamClient> {
  if (!/^http:\/\/[^@]*$/.test(url))
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "dda_url must be http://host:port");
  let client: StreamClient | undefined;
  try {
    client = new StreamClient(url);
    await client.ready(START_TIMEOUT_MS);
    return client;
  } catch (error) {
    client?.close();
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", `dda_url: ${reasonOf(error)}`, error);
  }
}
