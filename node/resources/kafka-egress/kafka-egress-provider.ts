import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import { Batches } from "../batches.js";
import { independentProvider } from "../independent-provider.js";
import { isConnectionLost } from "../is-connection-lost.js";
import { LastingConnection } from "../lasting-connection.js";
import type {
  PatientProviderParts,
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { KafkaProducer, type KafkaTarget } from "./kafka-producer.js";

export const KAFKA_EGRESS_CLASS: ResourceClass = {
  classType: "kafka-egress",
  version: "1.1",
  outputs: [],
  configurations: new Map([
    ["brokers", "host:port of brokers to begin with, separated by commas; required"],
    ["topic", "topic to publish to; required"],
  ]),
  description: "Publishes each message to a topic of a Kafka cluster.",
};

/** How long messages wait for an interrupted connection, milliseconds. */
const PATIENCE_MS = 10_000;
/** Longest try to connect, milliseconds. */
const OPEN_TIMEOUT_MS = 15_000;

/** Resource class `kafka-egress`: a call is answered with an empty text once the brokers have its message. */
export function kafkaEgressProvider(parts: PatientProviderParts): ResourceProviderHost {
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: KAFKA_EGRESS_CLASS,
    /** Messages that may share a batch; {@link Batches} keeps their order. */
    concurrency: 1_000,
    start: (configuration, context) => start(parts, configuration, context),
  });
}

async function start(
  parts: PatientProviderParts,
  configuration: StringMap,
  context: ResourceContext,
): Promise<ResourceInstance> {
  const target = readTarget(configuration);
  const { clock, random, patienceMs = PATIENCE_MS } = parts;
  const { logger } = context;
  const kafka = new LastingConnection<KafkaProducer>({
    clock,
    random,
    logger,
    peer: `Kafka at ${target.brokers.join(",")}`,
    patienceMs,
    openTimeoutMs: OPEN_TIMEOUT_MS,
    open: () => KafkaProducer.open(target, logger),
    close: (producer) => producer.close(),
    isLost: isConnectionLost,
  });
  const batches = new Batches<string, void>({
    send: async (texts) => {
      await kafka.use((producer) => producer.send(texts), true);
      return texts.map(() => undefined);
    },
    lengthOf: (text) => text.length,
  });
  return {
    async handle({ payload }) {
      await batches.add(payload);
      return { type: "call-ret", payload: "" };
    },
    patch: () => {},
    stop: () => kafka.close(),
  };
}

function readTarget(configuration: StringMap): KafkaTarget {
  const field = (key: string) => {
    const value = configuration.get(key) ?? "";
    if (value !== "") return value;
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", `Field '${key}' missing`);
  };
  const brokers = field("brokers")
    .split(",")
    .map((broker) => broker.trim());
  const bad = brokers.find((broker) => !/^[^\s:@/]+:\d{1,5}$|^\[[0-9A-Fa-f:.]+\]:\d{1,5}$/.test(broker));
  if (bad !== undefined)
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "brokers must be host:port, separated by commas");
  return { brokers, topic: field("topic") };
}
