import { CREATED, DELETE } from "../coap-api/coap/codes.js";
import type { Counters } from "../coap-api/operations/counters.js";
import { CRASHED } from "../coap-api/operations/instance-state.js";
import { encodeRefresh, type Refresh } from "../coap-api/operations/refresh.js";
import { encodeRegistration } from "../coap-api/operations/register.js";
import type { Device } from "./device.js";
import { BUSY, type GatewayLink, REFUSED, SILENCE, TAKEN } from "./gateway-link.js";
import type { Hardware } from "./hardware.js";
import type { Instance } from "./instance.js";
import type { Switchboard } from "./switchboard.js";

/** Refreshes within one lifetime, so that a lost one does no harm. */
const REFRESHES = 3;
/** Free memory is reported again when it changed by more than one part of so many. */
const MEMORY_STEPS = 8;
/** At least so many milliseconds between two refreshes out of turn. */
const PROMPT_MS = 500;

/**
 * Keeps the device known to its gateway: registers with back-off, refreshes with what changed, and registers again when
 * the gateway forgot it or does not answer any more.
 */
export class Registrar {
  private readonly hardware: Hardware;
  private readonly link: GatewayLink;
  private readonly board: Switchboard;
  private readonly device: Device;
  /** Path of the registration at the gateway; empty: not registered. */
  location: string;
  private running: boolean;
  private busy: boolean;
  /** Another round is wanted as soon as the one under way is over. */
  private wanted: boolean;
  /** What is under way began before the address changed, and says nothing any more. */
  private outdated: boolean;
  private failures: number;
  private pauseMs: number;
  private timer: number;
  private dueMs: number;
  private lastSuccessMs: number;
  private reportedMemory: number;
  private reportedCounters: Counters;

  constructor(hardware: Hardware, link: GatewayLink, board: Switchboard, device: Device) {
    this.hardware = hardware;
    this.link = link;
    this.board = board;
    this.device = device;
    this.location = "";
    this.running = false;
    this.busy = false;
    this.wanted = false;
    this.outdated = false;
    this.failures = 0;
    this.pauseMs = 0;
    this.timer = 0;
    this.dueMs = 0;
    this.lastSuccessMs = 0;
    this.reportedMemory = 0;
    this.reportedCounters = [];
  }

  start(): void {
    this.running = true;
    this.talk();
  }

  /** Leaves the gateway. */
  stop(): void {
    this.running = false;
    this.pause();
    if (this.location !== "") this.link.request({ code: DELETE, path: this.location }, () => {});
    this.location = "";
  }

  /** Registers anew at once: the device or the gateway has another address. */
  restart(): void {
    this.pause();
    this.location = "";
    this.failures = 0;
    if (this.busy) this.outdated = true;
    else this.talk();
  }

  /** Nothing can be sent until {@link restart}. */
  pause(): void {
    this.link.open = false;
    this.disarm();
  }

  /** Reports a change soon. */
  prompt(): void {
    this.talkWithin(PROMPT_MS);
  }

  /** Finds out whether the gateway still knows the device. */
  doubt(): void {
    this.talkWithin(0);
  }

  private talkWithin(delayMs: number): void {
    if (!this.running) return;
    if (this.busy) {
      this.wanted = true;
      return;
    }
    // While the gateway does not answer, its back-off decides.
    if (this.failures > 0) return;
    const nowMs = this.hardware.timers.nowMs();
    const dueMs = Math.max(nowMs + delayMs, this.lastSuccessMs + PROMPT_MS);
    if (this.timer === 0 || dueMs < this.dueMs) this.arm(dueMs - nowMs);
  }

  private arm(delayMs: number): void {
    this.disarm();
    this.dueMs = this.hardware.timers.nowMs() + delayMs;
    this.timer = this.hardware.timers.set(delayMs, () => {
      this.timer = 0;
      this.talk();
    });
  }

  private disarm(): void {
    if (this.timer !== 0) this.hardware.timers.clear(this.timer);
    this.timer = 0;
  }

  private talk(): void {
    this.disarm();
    if (this.busy || !this.running) {
      this.wanted = true;
      return;
    }
    this.busy = true;
    this.wanted = false;
    if (this.location === "") this.register();
    else this.refresh();
  }

  private register(): void {
    const { nodeId, lifetimeSeconds } = this.board.settings;
    const registration = this.device.describe();
    const query = `ep=${nodeId}&lt=${lifetimeSeconds}`;
    this.link.post("rd", query, encodeRegistration(registration), (outcome, retryMs, response) => {
      this.busy = false;
      if (this.beginsAnew()) return;
      if (outcome !== TAKEN || response === undefined || response.code !== CREATED) {
        this.failed(outcome === BUSY ? retryMs : 0);
        return;
      }
      this.location = response.locationPath;
      this.reportedMemory = registration.freeMemoryBytes;
      this.reportedCounters = [];
      this.hardware.log(3, `registered as ${this.location}`);
      this.succeeded();
    });
  }

  private refresh(): void {
    const changes: Refresh = {};
    const reported: Instance[] = [];
    const memory = this.hardware.freeMemoryBytes();
    const counters = this.device.counters();
    if (Math.abs(memory - this.reportedMemory) > this.reportedMemory / MEMORY_STEPS)
      changes.freeMemoryBytes = memory;
    if (!sameCounters(counters, this.reportedCounters)) changes.counters = counters;
    for (let i = 0; i < this.board.instances.length; i++) {
      const instance = this.board.instances[i] as Instance;
      if (!instance.unreported) continue;
      instance.unreported = false;
      reported.push(instance);
    }
    if (reported.length > 0) changes.instances = reported;
    const { location } = this;
    this.link.post(location, "", encodeRefresh(changes), (outcome, retryMs) => {
      this.busy = false;
      if (outcome !== TAKEN)
        for (let i = 0; i < reported.length; i++) (reported[i] as Instance).unreported = true;
      if (this.beginsAnew()) return;
      if (outcome === TAKEN) {
        if (changes.freeMemoryBytes !== undefined) this.reportedMemory = memory;
        this.reportedCounters = counters;
        this.succeeded();
        return;
      }
      if (outcome !== BUSY && outcome !== SILENCE && outcome !== REFUSED) {
        this.location = "";
        this.link.open = false;
        this.hardware.log(2, "the gateway forgot this device");
        this.talk();
        return;
      }
      this.failed(outcome === BUSY ? retryMs : 0);
    });
  }

  /** Registers if what is over was outdated. */
  private beginsAnew(): boolean {
    if (!this.outdated) return false;
    this.outdated = false;
    this.talk();
    return true;
  }

  private succeeded(): void {
    const { timers } = this.hardware;
    this.failures = 0;
    this.lastSuccessMs = timers.nowMs();
    this.link.open = this.running && this.location !== "";
    const interval = (this.board.settings.lifetimeSeconds * 1000) / REFRESHES;
    this.arm(this.wanted || this.isUrgent() ? PROMPT_MS : interval * (1 - 0.1 * this.spread()));
    this.wanted = false;
    if (this.link.open) this.device.opened();
  }

  private failed(leastMs: number): void {
    const { retryInitialMs, retryMaximumMs, lifetimeSeconds } = this.board.settings;
    this.link.open = false;
    this.wanted = false;
    const { timers } = this.hardware;
    if (timers.nowMs() - this.lastSuccessMs > lifetimeSeconds * 1000) this.location = "";
    if (leastMs > 0) {
      // The gateway lives and knows when it has time; a little later, so that not all come at the same moment.
      this.failures++;
      this.pauseMs = retryInitialMs;
      if (this.running) this.arm(leastMs + 1000 * this.spread());
      return;
    }
    if (this.failures === 0) this.hardware.log(2, "the gateway does not answer");
    this.pauseMs = this.failures === 0 ? retryInitialMs : Math.min(retryMaximumMs, 2 * this.pauseMs);
    this.failures++;
    if (this.running) this.arm(this.pauseMs * (1 - 0.5 * this.spread()));
  }

  /** True when something crashed that the gateway does not know of. */
  private isUrgent(): boolean {
    for (let i = 0; i < this.board.instances.length; i++) {
      const instance = this.board.instances[i] as Instance;
      if (instance.unreported && instance.state === CRASHED) return true;
    }
    return false;
  }

  /** A random number from 0 to 1. */
  private spread(): number {
    return (this.hardware.random(new Uint8Array(1))[0] as number) / 255;
  }
}

function sameCounters(a: Counters, b: Counters): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
