import type { Event, EventData, EventMetadata } from "../../../../core/event.js";
import { timestampFromMs } from "../../../../core/event.js";
import type { InstanceId } from "../../../../core/instance-id.js";
import type { LogFields, Logger } from "../../../../core/log.js";
import type { StateSpecification } from "../../../../core/specification.js";
import type { Uuid } from "../../../../core/uuid.js";
import { FunctionHost } from "../../../../node/functions/function-host.js";
import {
  DEFAULT_FUNCTION_SETTINGS,
  type FunctionSettings,
} from "../../../../node/functions/function-settings.js";
import type { InstanceEnd } from "../../../../node/functions/instance-environment.js";
import { recordTelemetry } from "../../../../node/functions/telemetry-record.js";
import { FakeClock } from "../../../kit/fake-clock.js";
import { seededRandom } from "../../../kit/seeded-random.js";
import { uuid } from "../../kit/events.js";
import { type Script, ScriptedGuest } from "./scripted-guest.js";

export const NODE = uuid(0xa);
/** Somebody on another node. */
export const PEER: InstanceId = { nodeId: uuid(0xb), functionId: uuid(0xc) };
export const TRACE: EventMetadata = {
  traceId: "000102030405060708090a0b0c0d0e0f",
  spanId: "1011121314151617",
};

/** A logger that keeps its sentences. */
export function keepingLogger(lines: string[]): Logger {
  const keep = (level: string) => (message: string, _fields?: LogFields) => {
    lines.push(`${level} ${message}`);
  };
  return {
    error: keep("error"),
    warn: keep("warn"),
    info: keep("info"),
    debug: keep("debug"),
    trace: keep("trace"),
  };
}

/** A host on a clock of its own whose guests are scripted. */
export class HostFixture {
  readonly clock = new FakeClock();
  /** Events that left the host. */
  readonly sent: Event[] = [];
  /** Telemetry in order, without ids and durations. */
  readonly telemetry: string[] = [];
  readonly ends: InstanceEnd[] = [];
  readonly logged: string[] = [];
  readonly states = new Map<Uuid, string>();
  readonly host: FunctionHost;
  readonly #scripts = new Map<WebAssembly.Module, Script>();
  readonly #guests: ScriptedGuest[] = [];

  constructor(settings: Partial<FunctionSettings> = {}) {
    this.host = new FunctionHost({
      nodeId: NODE,
      clock: this.clock,
      random: seededRandom(1),
      telemetry: recordTelemetry(([name, ...args]) => {
        const telling =
          name === "dropped" ? args.slice(0, 2) : args.slice(2).filter((arg) => typeof arg !== "number");
        this.telemetry.push([name, ...(name === "logged" ? args.slice(1) : telling)].join(" "));
      }),
      logger: keepingLogger(this.logged),
      settings: { ...DEFAULT_FUNCTION_SETTINGS, ...settings },
      states: {
        read: ({ stateId }) => this.states.get(stateId),
        write: ({ stateId }, text) => {
          this.states.set(stateId, text);
        },
      },
      instantiate: (module, imports) => {
        const guest = new ScriptedGuest(imports, this.#scripts.get(module) ?? {});
        this.#guests.push(guest);
        return guest;
      },
      reports: {
        initialised: () => {},
        ended: (end) => {
          this.ends.push(end);
        },
        send: (event) => {
          this.sent.push(event);
        },
      },
    });
  }

  /** The guest that was instantiated last. */
  get guest(): ScriptedGuest {
    const guest = this.#guests.at(-1);
    if (guest === undefined) throw new Error("no guest was instantiated");
    return guest;
  }

  /** Starts an instance and lets it initialise; without outputs it counts as not wired yet. */
  async start(
    number: number,
    script: Script,
    outputs?: { readonly [alias: string]: InstanceId },
    initPayload?: string,
  ): Promise<InstanceId> {
    const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    this.#scripts.set(module, script);
    const functionId = uuid(number);
    const state: StateSpecification = { stateId: functionId, policy: "node-local" };
    const wiring = outputs === undefined ? undefined : new Map(Object.entries(outputs));
    this.host.start({ functionId, module, initPayload, state, outputs: wiring });
    await this.clock.advance(0);
    return { nodeId: NODE, functionId };
  }

  /** Delivers an event of {@link PEER} and lets it be handled. */
  async deliver(target: InstanceId, data: EventData, streamId = 0n, source = PEER): Promise<void> {
    const created = timestampFromMs(this.clock.wallMs());
    this.host.deliver({ target, source, streamId, data, created, metadata: TRACE });
    await this.clock.advance(0);
  }

  cast(target: InstanceId, payload: string): Promise<void> {
    return this.deliver(target, { type: "cast", payload });
  }

  call(target: InstanceId, payload: string, streamId = 7n): Promise<void> {
    return this.deliver(target, { type: "call", payload }, streamId);
  }

  /** Answers the last call that left the host. */
  answer(data: EventData): Promise<void> {
    const call = this.sent.findLast((event) => event.data.type === "call");
    if (call === undefined) throw new Error("no call left the host");
    return this.deliver(call.source, data, call.streamId, call.target);
  }

  /** What left the host, as short text. */
  get sentText(): string[] {
    return this.sent.map(({ data }) => ("payload" in data ? `${data.type} ${data.payload}` : data.type));
  }
}
