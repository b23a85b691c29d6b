import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { ROOT } from "./repository.js";

/** Debian's Python, which has Debian's packages. */
const PYTHON = "/usr/bin/python3";

/** Why tests with Kafka are left out, as `tap` wants it; false when they can run. */
export const NO_KAFKA: string | false =
  spawnSync(PYTHON, ["-c", "import confluent_kafka"]).status === 0
    ? false
    : "librdkafka's mock cluster is not installed (Debian package python3-confluent-kafka)";

/** A message as a consumer sees it. */
export type KafkaRecord = readonly [partition: number, key: string | null, value: string];

/** A mock cluster of librdkafka: the real protocol, nothing stored on disk. */
export class KafkaCluster {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  brokers = "";

  private constructor(child: ChildProcess, reader: Interface) {
    this.#child = child;
    this.#reader = reader;
    this.#lines = reader[Symbol.asyncIterator]();
  }

  static async start(): Promise<KafkaCluster> {
    const child = spawn(PYTHON, [join(ROOT, "test/kit/kafka-cluster.py")], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    if (child.stdout === null) throw new Error("no output");
    const cluster = new KafkaCluster(child, createInterface({ input: child.stdout }));
    cluster.brokers = await cluster.#line();
    return cluster;
  }

  /** All messages of a topic, once there are so many, or after 20 s. */
  async read(topic: string, count: number): Promise<readonly KafkaRecord[]> {
    this.#child.stdin?.write(`read ${topic} ${count}\n`);
    return JSON.parse(await this.#line()) as readonly KafkaRecord[];
  }

  /** Stops all brokers from answering, with all connections open. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async close(): Promise<void> {
    this.#reader.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true || typeof value !== "string") throw new Error("the mock cluster has ended");
    return value;
  }
}
