import { NOTHING } from "../coap-api/nothing.js";
import { CALL, CAST, ERROR, NO_REPLY, NONE, REPLY } from "../coap-api/operations/event.js";
import { CRASHED, RUNNING, STARTING } from "../coap-api/operations/instance-state.js";
import type { Output } from "../coap-api/operations/outputs.js";
import { FUNCTION } from "../coap-api/operations/register.js";
import type { StartFunction } from "../coap-api/operations/start-function.js";
import { CRASHES } from "./device-counters.js";
import { faultOf, TRAPPED } from "./device-fault.js";
import type { Engine, Guest } from "./engine.js";
import {
  HANDLE_CALL,
  HANDLE_CAST,
  HANDLE_INIT,
  HANDLE_STOP,
  MEM_ALLOC,
  MEM_CLEAR,
  MEM_FREE,
} from "./guest-exports.js";
import { GuestHost } from "./guest-host.js";
import { guestBytes, guestNumber, placeInGuest, setGuestNumber } from "./guest-memory.js";
import { bytesToHex } from "./hex.js";
import type { ImageStore } from "./image-store.js";
import type { Delivery, Instance } from "./instance.js";
import { peerComponentId, peerNodeId } from "./peer-id.js";
import type { Switchboard } from "./switchboard.js";

/** Waits for its outputs; may run its init handler; handles nothing; a handler is suspended; over. */
const NEW = 0;
const WIRED = 1;
const IDLE = 2;
const BUSY = 3;
const ENDED = 4;

/** Length of a node id or component id. */
const ID_BYTES = 16;

/** Stands for the init and stop handlers where a delivery tells what is being handled. */
const NO_EVENT: Delivery = { kind: NONE, payload: NOTHING, peer: 0, from: NONE, stream: NONE };

/**
 * A function on the device: one guest, one event at a time, first in first out, by the memory protocol of the EDGELESS
 * guest ABI. Whatever the guest throws ends this instance and nothing else.
 */
export class FunctionInstance implements Instance {
  readonly handle: number;
  readonly kind: number;
  readonly id: Uint8Array;
  readonly tag: Uint8Array;
  outputs: Output[];
  state: number;
  readonly restarts: number;
  reason: string;
  unreported: boolean;
  callStream: number;
  /** Class name. */
  readonly name: string;
  /** Digest of its image, 16 hexadecimal digits. */
  readonly digest: string;
  private readonly board: Switchboard;
  private guest: Guest | undefined;
  private phase: number;
  private readonly mailbox: Delivery[];
  /** What is being handled. */
  private current: Delivery;
  /** Addresses and lengths, in turn, of the blocks to free after the handler. */
  private placed: number[];
  /** Where the handler of a call leaves the address and length of its reply. */
  private replySlots: number;
  /** Where the guest wants the answer to its own call. */
  private outPointer: number;
  private outLength: number;
  private callTimer: number;
  private answerKind: number;
  private answerPayload: Uint8Array;
  private initPayload: Uint8Array | undefined;
  private initState: Uint8Array | undefined;
  private graceTimer: number;
  private delayed: number[];

  /** @throws DeviceFault when the image cannot run */
  constructor(board: Switchboard, handle: number, start: StartFunction, engine: Engine, images: ImageStore) {
    this.board = board;
    this.handle = handle;
    this.kind = FUNCTION;
    this.id = new Uint8Array(start.functionId);
    this.tag = new Uint8Array(start.tag);
    this.name = start.name;
    this.digest = bytesToHex(start.digest);
    this.outputs = [];
    this.state = STARTING;
    this.restarts = 0;
    this.reason = "";
    this.unreported = false;
    this.callStream = NONE;
    this.phase = NEW;
    this.mailbox = [];
    this.current = NO_EVENT;
    this.placed = [];
    this.replySlots = 0;
    this.outPointer = 0;
    this.outLength = 0;
    this.callTimer = 0;
    this.answerKind = NONE;
    this.answerPayload = NOTHING;
    this.initPayload = start.initPayload === undefined ? undefined : new Uint8Array(start.initPayload);
    this.initState = start.state === undefined ? undefined : new Uint8Array(start.state);
    this.delayed = [];
    const { maxFunctionMemoryBytes, maxRunTimeMs, wiringGraceMs } = board.settings;
    const host = new GuestHost(this, board);
    const memory = start.maxMemoryBytes === 0 ? maxFunctionMemoryBytes : start.maxMemoryBytes;
    const runTime = start.maxRunTimeMs === 0 ? maxRunTimeMs : start.maxRunTimeMs;
    this.guest = engine.load(
      images.storage,
      images.blockOf(this.digest),
      host,
      Math.min(memory, maxFunctionMemoryBytes),
      Math.min(runTime, maxRunTimeMs),
    );
    host.guest = this.guest;
    this.graceTimer = board.timers.set(wiringGraceMs, () => {
      this.graceTimer = 0;
      this.wired();
    });
  }

  hasRoom(): boolean {
    return this.phase !== ENDED && this.mailbox.length < this.board.settings.mailboxCapacity;
  }

  take(delivery: Delivery): void {
    this.mailbox.push(delivery);
    this.board.schedule();
  }

  answer(kind: number, payload: Uint8Array): void {
    this.expectNothing();
    this.answerKind = kind;
    this.answerPayload = new Uint8Array(payload);
    this.board.schedule();
  }

  isReady(): boolean {
    if (this.phase === BUSY) return this.answerKind !== NONE;
    return this.phase === WIRED || (this.phase === IDLE && this.mailbox.length > 0);
  }

  turn(): void {
    const { board } = this;
    board.isRunning = true;
    try {
      if (this.phase === WIRED) this.init();
      else if (this.phase === BUSY) this.resume();
      else {
        const delivery = this.mailbox.shift();
        if (delivery !== undefined) this.handleEvent(delivery);
      }
    } catch (thrown) {
      this.crash(thrown);
    }
    board.isRunning = false;
  }

  wired(): void {
    if (this.phase !== NEW) return;
    this.stopGrace();
    this.phase = WIRED;
    this.board.schedule();
  }

  /** The guest's call waits for its answer from now on. */
  expectAnswer(stream: number, outPointer: number, outLength: number): void {
    this.callStream = stream;
    this.outPointer = outPointer;
    this.outLength = outLength;
    this.callTimer = this.board.timers.set(this.board.settings.callTimeoutMs, () => {
      this.callTimer = 0;
      this.answer(ERROR, NOTHING);
    });
  }

  /** The call could not be sent. */
  expectNothing(): void {
    if (this.callTimer !== 0) this.board.timers.clear(this.callTimer);
    this.callTimer = 0;
    this.callStream = NONE;
  }

  /** Runs `send`, which holds so many bytes, after a delay, unless the function ends before. False when too many wait already. */
  delay(delayMs: number, bytes: number, send: () => void): boolean {
    const { board } = this;
    if (this.delayed.length >= board.settings.delayedCapacity || !board.hasRoomFor(bytes)) return false;
    this.wait(delayMs, send);
    return true;
  }

  private wait(delayMs: number, send: () => void): void {
    const { timers } = this.board;
    // Timers of JavaScript take at most 2^31 - 1 ms.
    const step = Math.min(delayMs, 0x7fffffff);
    const timer = timers.set(step, () => {
      this.delayed.splice(this.delayed.indexOf(timer), 1);
      if (delayMs > step) this.wait(delayMs - step, send);
      else send();
    });
    this.delayed.push(timer);
  }

  /** Ends a waiting call with an error, then runs the stop handler. Does nothing after a crash. */
  stop(): void {
    const { board } = this;
    board.stopping = this;
    board.isRunning = true;
    try {
      if (this.phase === BUSY) {
        this.expectNothing();
        this.answerKind = ERROR;
        this.resume();
      }
      if (this.phase === IDLE) {
        this.running().run(MEM_CLEAR);
        this.after(NO_EVENT, this.running().run(HANDLE_STOP));
      }
    } catch (thrown) {
      this.crash(thrown);
    }
    board.isRunning = false;
    board.stopping = undefined;
    if (this.phase !== ENDED) this.end();
  }

  private init(): void {
    const { initPayload, initState } = this;
    const payloadLength = initPayload === undefined ? 0 : initPayload.length;
    const stateLength = initState === undefined ? 0 : initState.length;
    const payload = initPayload === undefined ? 0 : this.place(initPayload);
    const state = initState === undefined ? 0 : this.place(initState);
    this.initPayload = undefined;
    this.initState = undefined;
    this.after(NO_EVENT, this.running().run(HANDLE_INIT, payload, payloadLength, state, stateLength));
  }

  private handleEvent(delivery: Delivery): void {
    this.current = delivery;
    const at = this.placeEvent(delivery);
    if (delivery.kind === CAST) {
      this.after(
        delivery,
        this.running().run(HANDLE_CAST, at + ID_BYTES, at, at + 2 * ID_BYTES, delivery.payload.length),
      );
      return;
    }
    this.replySlots = this.place(new Uint8Array(8));
    const code = this.running().run(
      HANDLE_CALL,
      at + ID_BYTES,
      at,
      at + 2 * ID_BYTES,
      delivery.payload.length,
      this.replySlots,
      this.replySlots + 4,
    );
    this.after(delivery, code);
  }

  /** Places component id, node id and payload, all in one block, because each call of a guest takes long on a board. */
  private placeEvent({ from, peer, payload }: Delivery): number {
    const guest = this.running();
    guest.run(MEM_CLEAR);
    const local = from === NONE ? undefined : this.board.instance(from);
    const known = Math.max(0, peer);
    const length = 2 * ID_BYTES + payload.length;
    const at = guest.run(MEM_ALLOC, length);
    this.placed.push(at, length);
    const block = guestBytes(guest, at, length);
    block.set(local === undefined ? peerComponentId(known) : local.id);
    block.set(local === undefined ? peerNodeId(known) : this.board.nodeId, ID_BYTES);
    block.set(payload, 2 * ID_BYTES);
    return at;
  }

  /** Lets the guest go on with the answer to its call. */
  private resume(): void {
    const kind = this.answerKind;
    const payload = this.answerPayload;
    this.answerKind = NONE;
    this.answerPayload = NOTHING;
    const guest = this.running();
    const code = guest.resume(() => {
      if (kind !== REPLY) return kind === NO_REPLY ? 0 : 2;
      const at = placeInGuest(guest, payload);
      setGuestNumber(guest, this.outPointer, at);
      setGuestNumber(guest, this.outLength, payload.length);
      return 1;
    });
    this.after(this.current, code);
  }

  /** The handler returned: sends the reply of a call before anything is freed, then frees what was placed. */
  private after(handled: Delivery, code: number): void {
    const guest = this.running();
    this.current = handled;
    this.phase = guest.suspended ? BUSY : IDLE;
    // The answer of an instance on the device may be here already.
    this.board.schedule();
    if (guest.suspended) return;
    this.current = NO_EVENT;
    if (handled.kind === CALL) {
      const kind = code === 1 ? REPLY : code === 0 ? NO_REPLY : ERROR;
      const slots = this.replySlots;
      const payload =
        kind === REPLY
          ? guestBytes(guest, guestNumber(guest, slots), guestNumber(guest, slots + 4))
          : NOTHING;
      this.board.reply(handled, kind, payload);
    }
    const { placed } = this;
    this.placed = [];
    for (let i = 0; i < placed.length; i += 2) guest.run(MEM_FREE, placed[i], placed[i + 1]);
    if (this.state === STARTING) this.settle(RUNNING, "");
  }

  private place(bytes: Uint8Array): number {
    const at = placeInGuest(this.running(), bytes);
    if (bytes.length > 0) this.placed.push(at, bytes.length);
    return at;
  }

  /** What the guest threw ends this instance. */
  private crash(thrown: unknown): void {
    const { board, current } = this;
    const { error, reason } = faultOf(thrown, TRAPPED);
    this.current = NO_EVENT;
    if (current.kind === CALL) board.reply(current, ERROR, NOTHING);
    board.count(CRASHES);
    this.end();
    this.settle(CRASHED, `${error} ${reason}`);
  }

  private end(): void {
    const { timers } = this.board;
    this.phase = ENDED;
    this.callStream = NONE;
    this.stopGrace();
    if (this.callTimer !== 0) timers.clear(this.callTimer);
    for (let i = 0; i < this.delayed.length; i++) timers.clear(this.delayed[i] as number);
    this.delayed = [];
    while (this.mailbox.length > 0) {
      const delivery = this.mailbox.shift() as Delivery;
      if (delivery.kind === CALL) this.board.reply(delivery, ERROR, NOTHING);
    }
    if (this.guest !== undefined) this.guest.close();
    this.guest = undefined;
  }

  /** A timer that ran must not be cleared: a board may give its number to another one. */
  private stopGrace(): void {
    if (this.graceTimer !== 0) this.board.timers.clear(this.graceTimer);
    this.graceTimer = 0;
  }

  private settle(state: number, reason: string): void {
    this.state = state;
    this.reason = reason;
    this.board.changed(this);
  }

  private running(): Guest {
    return this.guest as Guest;
  }
}
