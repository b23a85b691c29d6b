import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event, EventData } from "../../../../core/event.js";
import { INSTANCE_NONE, type InstanceId } from "../../../../core/instance-id.js";
import { type LogFields, type Logger, SILENT } from "../../../../core/log.js";
import { CONTAINER, type SpawnFunctionRequest } from "../../../../core/specification.js";
import type { InstanceStatus } from "../../../../core/status.js";
import {
  type ContainerSettings,
  DEFAULT_CONTAINER_SETTINGS,
} from "../../../../node/containers/container-settings.js";
import { createContainerRuntime } from "../../../../node/containers/create-container-runtime.js";
import type { FunctionRuntime } from "../../../../node/functions/function-runtime.js";
import { systemClock } from "../../../../platform/system-clock.js";
import { systemRandom } from "../../../../platform/system-random.js";
import { eventually } from "../../../kit/eventually.js";
import { call, cast, instance, uuid } from "../../kit/events.js";
import { RecordingTelemetry } from "../../kit/recording-telemetry.js";

/** The node of the fixture, by its number. */
export const NODE = 1;
/** An instance that is not of the run-time: the test itself. */
export const OUTSIDE = instance(2, 0x99);

/** Telemetry that keeps what it is told. */
export class FunctionTelemetry extends RecordingTelemetry {
  readonly seen: string[] = [];

  override instantiated(): void {
    this.seen.push("instantiated");
  }
  override initialised(): void {
    this.seen.push("initialised");
  }
  override executed(...args: readonly unknown[]): void {
    this.seen.push(`executed ${args[2]}`);
  }
  override stopped(): void {
    this.seen.push("stopped");
  }
  override exited(...args: readonly unknown[]): void {
    this.seen.push(`exited ${args[2]}`);
  }
  override logged(...args: readonly unknown[]): void {
    this.seen.push(`logged ${args[1]} ${args[3]}`);
  }
}

/** A container run-time on a real port, whose events to other instances are kept. */
export class ContainerFixture {
  readonly sent: readonly Event[];
  /** Lines of the node's log. */
  readonly log: readonly string[];
  readonly telemetry: FunctionTelemetry;
  readonly runtime: FunctionRuntime;
  readonly hostUrl: string;
  readonly #folder: string;
  #streamId = 1n << 40n;

  private constructor(parts: {
    readonly sent: readonly Event[];
    readonly log: readonly string[];
    readonly telemetry: FunctionTelemetry;
    readonly runtime: FunctionRuntime;
    readonly hostUrl: string;
    readonly folder: string;
  }) {
    this.sent = parts.sent;
    this.log = parts.log;
    this.telemetry = parts.telemetry;
    this.runtime = parts.runtime;
    this.hostUrl = parts.hostUrl;
    this.#folder = parts.folder;
  }

  static async create(settings: Partial<ContainerSettings> = {}): Promise<ContainerFixture> {
    const folder = mkdtempSync(join(tmpdir(), "edgeless-containers-"));
    const telemetry = new FunctionTelemetry();
    const sent: Event[] = [];
    const log: string[] = [];
    const { runtime, guestApiHostUrl } = await createContainerRuntime({
      nodeId: uuid(NODE),
      send: (event) => void sent.push(event),
      telemetry,
      logger: keepingLogger(log),
      clock: systemClock,
      random: systemRandom,
      stateFolder: join(folder, "state"),
      settings: {
        ...DEFAULT_CONTAINER_SETTINGS,
        guestApiHostUrl: "http://127.0.0.1:0",
        engineSocket: join(folder, "engine.sock"),
        ...settings,
      },
    });
    return new ContainerFixture({ sent, log, telemetry, runtime, hostUrl: guestApiHostUrl, folder });
  }

  /** Starts a function and wires its outputs to {@link OUTSIDE} unless told otherwise; null: not yet. */
  start(
    number: number,
    code: string,
    options: {
      readonly payload?: string;
      readonly outputs?: Readonly<Record<string, InstanceId>> | null;
    } = {},
  ): InstanceId {
    const self = instance(NODE, number);
    // Containers are started at once.
    void this.runtime.start(self.functionId, requestOf(code, number, options.payload));
    if (options.outputs === null) return self;
    const outputs = options.outputs ?? { output: OUTSIDE, early: OUTSIDE, next: OUTSIDE };
    this.runtime.patch(self.functionId, new Map(Object.entries(outputs)));
    return self;
  }

  cast(target: InstanceId, payload: string): void {
    this.runtime.deliver(cast(OUTSIDE, target, payload));
  }

  /** Calls a function and waits for its answer. */
  async call(target: InstanceId, payload: string): Promise<EventData> {
    const streamId = ++this.#streamId;
    this.runtime.deliver(call(OUTSIDE, target, payload, streamId));
    const answer = await eventually("an answer", () =>
      this.sent.find((event) => event.streamId === streamId && event.data.type !== "call"),
    );
    return answer.data;
  }

  /** Texts cast to {@link OUTSIDE}. */
  get casts(): string[] {
    return this.sent.flatMap(({ data }) => (data.type === "cast" ? [data.payload] : []));
  }

  status(id: InstanceId): InstanceStatus | undefined {
    return this.runtime.statuses().find(({ functionId }) => functionId === id.functionId);
  }

  /** Waits until a function stands like this. */
  async until(id: InstanceId, state: InstanceStatus["state"], restarts = 0): Promise<InstanceStatus> {
    return await eventually(`state ${state}`, () => {
      const status = this.status(id);
      return status?.state === state && status.restarts >= restarts && status;
    });
  }

  async close(): Promise<void> {
    await this.runtime.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A request to start a function with this code. */
export function requestOf(code: string | undefined, number = 1, payload?: string): SpawnFunctionRequest {
  return {
    code: {
      id: "f",
      functionType: CONTAINER,
      version: "0.1",
      outputs: [],
      ...(code === undefined ? {} : { code }),
    },
    annotations: new Map(payload === undefined ? [] : [["init-payload", payload]]),
    state: { stateId: uuid(0x5000 + number), policy: "node-local" },
    workflowId: INSTANCE_NONE.functionId,
  };
}

/** A logger that keeps its lines. */
export function keepingLogger(lines: string[]): Logger {
  const keep = (message: string, fields?: LogFields) =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  return { ...SILENT, error: keep, warn: keep, info: keep };
}
