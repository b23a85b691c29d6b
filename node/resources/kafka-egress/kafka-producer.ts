import { connect } from "node:net";
import type { LogEntry, Message, Producer } from "kafkajs";
import { EdgelessError, reasonOf } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";
import { guardData } from "../guard-data.js";

/** Longest wait for a connection and for each answer of a broker, milliseconds. */
const REQUEST_TIMEOUT_MS = 4_000;

/** Where messages go. */
export interface KafkaTarget {
  readonly brokers: readonly string[];
  readonly topic: string;
}

/** Publishes to one topic of a Kafka cluster. It never connects again by itself. */
export class KafkaProducer {
  readonly #producer: Producer;
  readonly #topic: string;

  private constructor(producer: Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
  }

  /** @throws EdgelessError EDGELESS_UNREACHABLE */
  static async open({ brokers, topic }: KafkaTarget, logger: Logger): Promise<KafkaProducer> {
    // Loaded when first needed: most nodes never are.
    const { Kafka, logLevel } = (await import("kafkajs")).default;
    const kafka = new Kafka({
      clientId: "edgeless",
      brokers: [...brokers],
      connectionTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // A topic that was just made has no leader for a moment.
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 },
      socketFactory: ({ host, port, onConnect }) => {
        const socket = connect({ host, port, keepAlive: true }, onConnect);
        guardData(socket);
        return socket;
      },
      logLevel: logLevel.WARN,
      logCreator: () => forwardTo(logger),
    });
    const producer = kafka.producer({
      createPartitioner: () => nextPartition(),
      allowAutoTopicCreation: true,
    });
    try {
      await producer.connect();
    } catch (error) {
      await producer.disconnect().catch(() => {});
      throw faultOf(error);
    }
    return new KafkaProducer(producer, topic);
  }

  /**
   * Publishes texts, in order, each with an empty key; resolves when all replicas in step have them.
   * @throws EdgelessError EDGELESS_UNREACHABLE, or EDGELESS_REJECTED with the words of the broker
   */
  async send(texts: readonly string[]): Promise<void> {
    const key = Buffer.alloc(0);
    const messages: Message[] = texts.map((value) => ({ key, value }));
    try {
      await this.#producer.send({ topic: this.#topic, messages, acks: -1, timeout: REQUEST_TIMEOUT_MS });
    } catch (error) {
      throw faultOf(error);
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }
}

/** Partitions one after the other, as librdkafka spreads messages with an empty key. */
function nextPartition() {
  let count = 0;
  return ({ partitionMetadata }: { partitionMetadata: { partitionId: number }[] }) => {
    const partition = partitionMetadata[count++ % Math.max(1, partitionMetadata.length)];
    return partition?.partitionId ?? 0;
  };
}

/** Errors that say something about the message or the rights rather than about the way. */
const REFUSALS = [
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "INVALID_REQUIRED_ACKS",
  "POLICY_VIOLATION",
];

function faultOf(error: unknown): EdgelessError {
  const type = error instanceof Error && "type" in error ? String(error.type) : "";
  const code = REFUSALS.includes(type) ? "EDGELESS_REJECTED" : "EDGELESS_UNREACHABLE";
  return new EdgelessError(code, `Kafka: ${reasonOf(error)}`, error);
}

function forwardTo(logger: Logger): (entry: LogEntry) => void {
  return ({ namespace, log }) => logger.debug(`${namespace}: ${log.message}`);
}
