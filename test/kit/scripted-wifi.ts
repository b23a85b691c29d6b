import type { Clock } from "../../core/clock.js";

/** An access point in reach of a board. */
export interface AccessPoint {
  readonly password: string;
  /** What its DHCP gives the board; empty: it gives nothing. */
  address: string;
}

/** Versions of the interpreter whose Wi-Fi behaves in ways of its own. */
export type WifiVersion = "2v27" | "2v29";

/** How long the radio takes, milliseconds: to look for a network, to shake hands, to get an address, to say something at all. */
const SCAN_MS = 2_000;
const HANDSHAKE_MS = 3_500;
const DHCP_MS = 400;
const EVENT_MS = 1;
/** The interpreter tries so often before it tells. */
const TRIES = 3;

type Handler = (details: Record<string, string>) => void;

/**
 * The module `Wifi` of the interpreter on an ESP32, with its peculiarities (libs/network/esp32/jswrap_esp32_network.c): a failed connection
 * is an event and then, since 2v29, a call; a loss is first mended in silence; a radio that is on already does not begin to connect.
 */
export class ScriptedWifi {
  /** What is in the air, by name. */
  readonly air = new Map<string, AccessPoint>();
  /** Networks that were asked for, in order. */
  readonly tried: { readonly ssid: string; readonly atMs: number }[] = [];
  /** Calls beside `connect`. */
  readonly calls: string[] = [];
  /** The radio says nothing any more. */
  isDead = false;
  readonly #clock: Clock;
  readonly #version: WifiVersion;
  readonly #handlers = new Map<string, Handler>();
  #wanted: { readonly ssid: string; readonly password: string } | undefined;
  #done: ((error: string | null) => void) | undefined;
  #isOn = false;
  #isAssociated = false;
  #retries = 0;
  #address = "0.0.0.0";
  /** Of what the radio does at the moment; what belongs to a former one is void. */
  #effort = 0;

  constructor(clock: Clock, version: WifiVersion) {
    this.#clock = clock;
    this.#version = version;
  }

  /** The module as a program gets it. */
  readonly module = {
    stopAP: () => this.calls.push("stopAP"),
    setHostname: (name: string) => this.calls.push(`setHostname ${name}`),
    on: (event: string, handler: Handler) => this.#handlers.set(event, handler),
    getIP: () => ({ ip: this.#address }),
    connect: (ssid: unknown, options: { password?: unknown }, done: (error: string | null) => void) =>
      this.#connect(ssid, options.password, done),
    disconnect: () => {
      this.calls.push("disconnect");
      this.#retries = 0;
      if (this.#effort > 0 && this.#isOn) this.#after(EVENT_MS, () => this.#disconnected("ASSOC_LEAVE"));
    },
  };

  /** The network that the board is in goes away, or throws it out. */
  lose(reason: string): void {
    this.#address = "0.0.0.0";
    this.#after(EVENT_MS, () => this.#disconnected(reason));
  }

  #connect(ssid: unknown, password: unknown, done: (error: string | null) => void): void {
    if (typeof ssid !== "string") throw new Error("No SSID provided");
    this.#done = undefined;
    if (password !== undefined && typeof password !== "string")
      throw new Error("Expecting options.password to be a string");
    this.tried.push({ ssid, atMs: this.#clock.monotonicMs() });
    this.#wanted = { ssid, password: password ?? "" };
    const wasOn = this.#isOn;
    this.#isOn = true;
    if (this.#version === "2v27") this.#join();
    else {
      this.#retries = TRIES;
      if (this.#isAssociated) this.lose("ASSOC_LEAVE");
      // The radio connects when it is switched on, and only then.
      else if (!wasOn) this.#join();
    }
    this.#done = done;
  }

  #join(): void {
    if (this.isDead || this.#wanted === undefined) return;
    const { ssid, password } = this.#wanted;
    this.#after(SCAN_MS, () => {
      const point = this.air.get(ssid);
      if (point === undefined) return this.#disconnected("NO_AP_FOUND");
      if (point.password !== password)
        return this.#after(HANDSHAKE_MS, () => this.#disconnected("4WAY_HANDSHAKE_TIMEOUT"));
      this.#isAssociated = true;
      this.#emit("associated", { ssid });
      if (point.address !== "") this.#after(DHCP_MS, () => this.#addressed(point.address));
    });
  }

  #addressed(address: string): void {
    this.#address = address;
    this.#complete(null);
    this.#emit("connected", { ip: address });
  }

  #disconnected(reason: string): void {
    if (--this.#retries > 0) {
      this.#join();
      return;
    }
    this.#isAssociated = false;
    this.#address = "0.0.0.0";
    this.#emit("disconnected", { ssid: this.#wanted?.ssid ?? "", reason: "0", msg: reason });
    if (this.#version === "2v27") return;
    this.#complete(reason);
    this.#isOn = false;
  }

  #complete(error: string | null): void {
    const done = this.#done;
    this.#done = undefined;
    this.#clock.setTimer(EVENT_MS, () => done?.(error));
  }

  #emit(event: string, details: Record<string, string>): void {
    this.#clock.setTimer(EVENT_MS, () => this.#handlers.get(event)?.(details));
  }

  #after(delayMs: number, work: () => void): void {
    const effort = ++this.#effort;
    this.#clock.setTimer(delayMs, () => {
      if (effort === this.#effort && !this.isDead) work();
    });
  }
}
