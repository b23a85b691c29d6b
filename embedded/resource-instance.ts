import type { Timers } from "../coap-api/endpoint/transport.js";
import { NOTHING } from "../coap-api/nothing.js";
import { CALL, CAST, ERROR, NO_REPLY, NONE, REPLY } from "../coap-api/operations/event.js";
import { RUNNING } from "../coap-api/operations/instance-state.js";
import type { Output } from "../coap-api/operations/outputs.js";
import { RESOURCE } from "../coap-api/operations/register.js";
import type { StartResource } from "../coap-api/operations/start-resource.js";
import { readUtf8, utf8Bytes } from "../coap-api/utf8.js";
import type { Delivery, Instance } from "./instance.js";
import type { DeviceResource, DeviceResourceProvider, ResourceContext } from "./resource-provider.js";
import { NOWHERE, type Switchboard } from "./switchboard.js";

/** A resource on the device. It handles its events at once and never waits, so it needs no mailbox. */
export class ResourceInstance implements Instance, ResourceContext {
  readonly timers: Timers;
  readonly handle: number;
  readonly kind: number;
  readonly id: Uint8Array;
  readonly tag: Uint8Array;
  readonly classType: string;
  outputs: Output[];
  state: number;
  readonly restarts: number;
  reason: string;
  unreported: boolean;
  callStream: number;
  private readonly board: Switchboard;
  private readonly resource: DeviceResource;

  /** @throws DeviceFault when the provider cannot start it */
  constructor(board: Switchboard, handle: number, start: StartResource, provider: DeviceResourceProvider) {
    this.board = board;
    this.handle = handle;
    this.kind = RESOURCE;
    this.id = new Uint8Array(start.resourceId);
    this.tag = new Uint8Array(start.tag);
    this.classType = start.classType;
    this.outputs = [];
    this.state = RUNNING;
    this.restarts = 0;
    this.reason = "";
    this.unreported = false;
    this.callStream = NONE;
    this.timers = board.timers;
    this.resource = provider.start(start.configuration, this);
  }

  hasRoom(): boolean {
    return true;
  }

  take(delivery: Delivery): void {
    const { kind, payload } = delivery;
    let answer: string | undefined;
    let failed = false;
    try {
      const text = readUtf8(payload, 0, payload.length);
      if (kind === CAST) this.resource.cast(text);
      else if (this.resource.call === undefined) failed = true;
      else answer = this.resource.call(text);
    } catch (thrown) {
      failed = true;
      this.log(2, String(thrown));
    }
    if (kind !== CALL) return;
    if (failed) this.board.reply(delivery, ERROR, NOTHING);
    else if (answer === undefined) this.board.reply(delivery, NO_REPLY, NOTHING);
    else this.board.reply(delivery, REPLY, utf8Bytes(answer));
  }

  answer(_kind: number, _payload: Uint8Array): void {}

  isReady(): boolean {
    return false;
  }

  turn(): void {}

  wired(): void {}

  stop(): void {
    try {
      this.resource.stop();
    } catch (thrown) {
      this.log(2, String(thrown));
    }
  }

  cast(channel: string, text: string): void {
    const { board } = this;
    const target = board.target(this, channel);
    if (target === NOWHERE) return;
    // What reading a sensor takes is free again when the event is handled.
    const { isRunning } = board;
    board.isRunning = true;
    board.send(this.handle, target, CAST, utf8Bytes(text), NONE);
    board.isRunning = isRunning;
  }

  log(level: number, text: string): void {
    this.board.log(this.handle, level, utf8Bytes(this.classType), utf8Bytes(text));
  }
}
