import { CALL, CAST, NONE } from "../coap-api/operations/event.js";
import { sameBytes } from "../coap-api/same-bytes.js";
import { MAILBOX_FULL } from "./device-counters.js";
import { DeviceFault, TRAPPED } from "./device-fault.js";
import { type Guest, type GuestImports, SUSPEND } from "./engine.js";
import type { FunctionInstance } from "./function-instance.js";
import { guestBytes, guestText } from "./guest-memory.js";
import { peerOf } from "./peer-id.js";
import { NOWHERE, type Switchboard, type Target } from "./switchboard.js";

/** Result code of a call that failed. */
const CALL_FAILED = 2;

/** The eight functions that a guest may import (EDGELESS guest ABI); a fault in their arguments ends the guest. */
export class GuestHost implements GuestImports {
  /** Undefined while the top-level code of the guest runs, which must not call the host. */
  guest: Guest | undefined;
  private readonly instance: FunctionInstance;
  private readonly board: Switchboard;

  constructor(instance: FunctionInstance, board: Switchboard) {
    this.guest = undefined;
    this.instance = instance;
    this.board = board;
  }

  cast_asm(channel: number, channelLength: number, at: number, length: number): void {
    const { instance, board } = this;
    const target = board.target(instance, guestText(this.running(), channel, channelLength));
    board.send(instance.handle, target, CAST, guestBytes(this.running(), at, length), NONE);
  }

  cast_raw_asm(nodeId: number, componentId: number, at: number, length: number): void {
    const target = this.addressed(nodeId, componentId);
    this.board.send(this.instance.handle, target, CAST, guestBytes(this.running(), at, length), NONE);
  }

  call_asm(
    channel: number,
    channelLength: number,
    at: number,
    length: number,
    outPointer: number,
    outLength: number,
  ): number {
    return this.call(this.mapped(channel, channelLength), at, length, outPointer, outLength);
  }

  call_raw_asm(
    nodeId: number,
    componentId: number,
    at: number,
    length: number,
    outPointer: number,
    outLength: number,
  ): number {
    return this.call(this.addressed(nodeId, componentId), at, length, outPointer, outLength);
  }

  delayed_cast_asm(
    delayMs: number,
    channel: number,
    channelLength: number,
    at: number,
    length: number,
  ): void {
    const { instance, board } = this;
    const target = this.mapped(channel, channelLength);
    const payload = new Uint8Array(guestBytes(this.running(), at, length));
    const waits = instance.delay(delayMs, length, () =>
      board.send(instance.handle, target, CAST, payload, NONE),
    );
    if (!waits) board.count(MAILBOX_FULL);
  }

  telemetry_log_asm(level: number, target: number, targetLength: number, at: number, length: number): void {
    const guest = this.running();
    const name = guestBytes(guest, target, targetLength);
    this.board.log(this.instance.handle, level, name, guestBytes(guest, at, length));
  }

  slf_asm(outNodeId: number, outComponentId: number): void {
    guestBytes(this.running(), outNodeId, 16).set(this.board.nodeId);
    guestBytes(this.running(), outComponentId, 16).set(this.instance.id);
  }

  sync_asm(at: number, length: number): void {
    const state = guestBytes(this.running(), at, length);
    const most = this.board.settings.maxStateBytes;
    if (state.length > most)
      throw new DeviceFault(TRAPPED, `a state of ${state.length} bytes, ${most} are kept`);
    this.board.keep(this.instance.handle, new Uint8Array(state));
  }

  private running(): Guest {
    if (this.guest === undefined) throw new DeviceFault(TRAPPED, "top-level code called the host");
    return this.guest;
  }

  private mapped(channel: number, length: number): Target {
    const target = this.board.target(this.instance, guestText(this.running(), channel, length));
    if (target === NOWHERE) throw new DeviceFault(TRAPPED, "an output is not mapped");
    return target;
  }

  private addressed(nodeId: number, componentId: number): Target {
    const node = guestBytes(this.running(), nodeId, 16);
    const component = guestBytes(this.running(), componentId, 16);
    if (!sameBytes(node, this.board.nodeId)) {
      const peer = peerOf(node);
      return peer === NONE ? NOWHERE : { route: NONE, handle: NONE, peer };
    }
    const local = this.board.byId(component);
    return local === undefined ? NOWHERE : { route: NONE, handle: local.handle };
  }

  private call(target: Target, at: number, length: number, outPointer: number, outLength: number): number {
    const { board, instance } = this;
    const payload = guestBytes(this.running(), at, length);
    // Checked before anything is sent, so that a wrong address is the fault of this very call.
    guestBytes(this.running(), outPointer, 4);
    guestBytes(this.running(), outLength, 4);
    if (board.stopping === instance) return CALL_FAILED;
    const stream = board.nextStream();
    // The answer of a resource on the device comes before `send` returns.
    instance.expectAnswer(stream, outPointer, outLength);
    if (board.send(instance.handle, target, CALL, payload, stream)) return SUSPEND;
    instance.expectNothing();
    return CALL_FAILED;
  }
}
