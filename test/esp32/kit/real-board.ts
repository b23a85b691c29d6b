import { createSocket, type Socket } from "node:dgram";
import type { Test } from "tap";
import type { DatagramPort } from "../../../coap-api/endpoint/transport.js";
import type { Agent } from "../../../core/api.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { InvocationClient } from "../../../grpc-api/index.js";
import { type GatewayRig, spawn } from "../../gateway/kit/gateway-rig.js";
import { invocationOf, SOURCE, sink } from "../../gateway/kit/gateway-steps.js";
import type { EspruinoBoard } from "../../kit/espruino-board.js";
import { eventually } from "../../kit/eventually.js";
import { freeUdpPort } from "../../kit/free-ports.js";
import { cast, uuid } from "../../node/kit/events.js";
import { boardAtGateway } from "./board-at-gateway.js";

const NUMBER = 33;

/** A boot file that evaluates each datagram to a port: a console that, unlike the one for people, is safe while the board works. */
const CONSOLE = (port: number) => `(function(){
function open(){
var s=require("dgram").createSocket({type:"udp4",reuseAddr:true});
s.on("message",function(text){eval(text)});
s.bind(${port})}
open()})();`;

/** What may be said about a {@link RealBoard}. */
export interface RealBoardOptions {
  /** What differs from the settings of a new board. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What is run before the firmware, when the board boots. */
  readonly before?: string;
}

/** A board with its firmware on a real interpreter, at a real gateway, over real UDP. It starts anew whenever its interpreter ends. */
export class RealBoard {
  readonly #console: Socket = createSocket("udp4");

  private constructor(
    readonly rig: GatewayRig,
    readonly agent: Agent,
    readonly invocation: InvocationClient,
    /** UDP port of the device. */
    readonly port: number,
    readonly consolePort: number,
    /** The socket of the gateway. */
    readonly socket: DatagramPort,
    readonly board: EspruinoBoard,
  ) {}

  static async start(t: Test, options: RealBoardOptions = {}): Promise<RealBoard> {
    const consolePort = await freeUdpPort();
    const before = `${options.before ?? ""}${CONSOLE(consolePort)}`;
    const { settings } = options;
    const { board, rig, socket, port } = await boardAtGateway(t, { number: NUMBER, settings, before });
    board.stayOn().powerOn();
    await board.says(/edgeless 3 registered as/);
    const agent = await rig.admit(NUMBER);
    const real = new RealBoard(rig, agent, invocationOf(t, rig), port, consolePort, socket, board);
    t.teardown(() => real.#console.close());
    return real;
  }

  /** Has the board evaluate a script. */
  async evaluate(script: string): Promise<void> {
    await new Promise((sent) => this.#console.send(script, this.consolePort, "127.0.0.1", sent));
  }

  /** All that it printed, in boots before this one too. */
  get printed(): string {
    return this.board.history + this.board.output;
  }

  /** Takes variables until so many are free; {@link release} gives them back. */
  async fill(free: number): Promise<void> {
    // Nothing is under way any more then.
    await this.board.freeVariables();
    await this.board.freeVariables();
    const from = this.printed.length;
    await this.evaluate(
      `testHog=[];while(process.memory(true).free>${free + 4})testHog.push(1.5);print("filled")`,
    );
    await eventually("filled", () => this.printed.slice(from).includes("filled"));
  }

  /** Variables that are free when nothing is under way: the most of several readings. */
  async idleVariables(): Promise<number> {
    let most = 0;
    for (let i = 0; i < 5; i++) most = Math.max(most, await this.board.freeVariables());
    return most;
  }

  async release(): Promise<void> {
    await this.evaluate("testHog=undefined");
  }

  /** Starts a function whose result goes to an instance of the peer, and waits until it runs. */
  async start(name: string, wasm: Uint8Array, to: number, withinMs = 60_000): Promise<InstanceId> {
    const instance = await this.request(name, wasm, { result: sink(to) });
    await eventually("running", () => this.rig.stateOf(instance) === "running", withinMs);
    return instance;
  }

  /** Asks for a function. @throws Error when the gateway refuses it */
  async request(
    name: string,
    wasm: Uint8Array,
    outputs: Readonly<Record<string, InstanceId>>,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<InstanceId> {
    const started = await this.agent.startFunction(spawn(name, wasm, annotations));
    if (!started.ok) throw new Error(`${started.error.summary} ${started.error.detail}`);
    const source = started.value.functionId;
    await this.agent.patchFunction({ source, outputs: new Map(Object.entries(outputs)) });
    return started.value;
  }

  /** Sends an event to a function. */
  async cast(instance: InstanceId, text: string): Promise<void> {
    await this.invocation.handle(cast(SOURCE, instance, text));
  }

  /**
   * Sends an event to a function until its result is there: a function that is being started again may lose a cast, and a board is
   * not asked more often than it can answer.
   */
  async says(
    to: number,
    instance: InstanceId,
    text: string,
    answer: string,
    withinMs = 40_000,
  ): Promise<void> {
    const before = this.rig.payloads(uuid(to)).length;
    let next = 0;
    await eventually(
      `${answer} for ${text}`,
      async () => {
        if (performance.now() > next) {
          await this.cast(instance, text);
          next = performance.now() + 2_000;
        }
        return this.rig.payloads(uuid(to)).slice(before).includes(answer);
      },
      withinMs,
    );
  }
}
