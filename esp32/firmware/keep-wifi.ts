import type { KnownNetwork } from "./settings.js";

/** Longest wait for a connection, milliseconds: the interpreter tries three times before it tells what is wrong. */
const CONNECT_MS = 30_000;
/** Back-off between two rounds through all networks, milliseconds. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** After so many tries in a row without a word from the Wi-Fi it is stuck, and only a new start helps. */
const SILENT_TRIES = 6;
/** Longest host name that the network stack of the board takes; longer ones may end it. */
const HOST_NAME = 32;
/** Where the interpreter keeps a connection of its own, which it makes when it starts and which would get into the way. */
const SAVED_CONNECTION = ".wificfg";

/** Takes what happens to the network of a board. */
export interface WifiWatcher {
  /** @param address of the board; empty where the interpreter has no Wi-Fi of its own */
  connected(address: string): void;
  disconnected(): void;
  /** The Wi-Fi does not say anything any more. */
  stuck(): void;
  /** @param level as in EDGELESS, 1 (error) to 5 (trace) */
  log(level: number, text: string): void;
}

/** What is known of the connection. */
interface WifiState {
  readonly networks: readonly KnownNetwork[];
  readonly watcher: WifiWatcher;
  /** The network that is tried, or was tried last. */
  network: number;
  pauseMs: number;
  /** Grows with each try: what is heard of a former one does not count. */
  attempt: number;
  isTrying: boolean;
  /** Whether the Wi-Fi said something in this try. */
  isHeard: boolean;
  silentTries: number;
  /** Of the next try, or of the end of the one under way; 0: none. */
  timer: number;
  isConnected: boolean;
  address: string;
}

/**
 * Keeps the board in one of its networks: tries one after the other, with longer and longer pauses between rounds, and again
 * whenever the connection is lost. Where the interpreter has no Wi-Fi of its own, the network is simply there.
 */
export function keepWifi(networks: readonly KnownNetwork[], name: string, watcher: WifiWatcher): void {
  const wifi = boardWifi();
  if (wifi === undefined || networks.length === 0) {
    watcher.connected("");
    return;
  }
  const state: WifiState = {
    networks,
    watcher,
    network: 0,
    pauseMs: PAUSE_MS,
    attempt: 0,
    isTrying: false,
    isHeard: false,
    silentTries: 0,
    timer: 0,
    isConnected: false,
    address: "",
  };
  require("Storage").erase(SAVED_CONNECTION);
  // A board that was never set up is an open access point; this one is set up.
  wifi.stopAP();
  const hostName = hostNameOf(name);
  if (hostName !== "") wifi.setHostname(hostName);
  wifi.on("associated", () => {
    state.isHeard = true;
  });
  wifi.on("connected", (details) => joined(state, details.ip));
  wifi.on("disconnected", (details) => {
    if (state.isConnected) lost(state, details.msg);
    else if (state.isTrying) failed(state, details.msg);
  });
  join(state);
}

function boardWifi(): BoardWifi | undefined {
  try {
    return require("Wifi");
  } catch (_missing) {
    return undefined;
  }
}

/** The letters, digits and hyphens of a name, up to what a network stack takes. */
function hostNameOf(name: string): string {
  let host = "";
  for (let i = 0; i < name.length && host.length < HOST_NAME; i++) {
    const letter = name.charAt(i);
    const isPlain =
      (letter >= "a" && letter <= "z") ||
      (letter >= "A" && letter <= "Z") ||
      (letter >= "0" && letter <= "9");
    host += isPlain ? letter : "-";
  }
  return host;
}

function join(state: WifiState): void {
  const network = state.networks[state.network] as KnownNetwork;
  const attempt = ++state.attempt;
  state.isTrying = true;
  state.isHeard = false;
  state.timer = setTimeout(() => timedOut(state), CONNECT_MS);
  const done = (error: string | null) => {
    if (attempt !== state.attempt || !state.isTrying) return;
    if (error === null) joined(state, "");
    else failed(state, error);
  };
  try {
    require("Wifi").connect(network.ssid, { password: network.password }, done);
  } catch (thrown) {
    failed(state, `${thrown}`);
  }
}

/** @param address empty when it is not known yet */
function joined(state: WifiState, address: string): void {
  const { watcher, networks } = state;
  // The interpreter mends a connection by itself now and then; the address may be another one then.
  if (state.isConnected && (address === "" || address === state.address)) return;
  const known = address === "" ? require("Wifi").getIP().ip : address;
  stop(state);
  state.isTrying = false;
  state.isConnected = true;
  state.silentTries = 0;
  state.pauseMs = PAUSE_MS;
  state.address = known;
  watcher.connected(known);
  watcher.log(3, `in network ${(networks[state.network] as KnownNetwork).ssid} as ${known}`);
}

function lost(state: WifiState, reason: string): void {
  state.isConnected = false;
  state.watcher.disconnected();
  state.watcher.log(2, `network lost: ${reason}`);
  again(state, PAUSE_MS);
}

function timedOut(state: WifiState): void {
  const silentTries = state.isHeard ? 0 : state.silentTries + 1;
  // What is under way has to end, or the next try does not begin.
  require("Wifi").disconnect();
  failed(state, state.isHeard ? "no address" : "no answer");
  state.silentTries = silentTries;
  if (silentTries < SILENT_TRIES) return;
  stop(state);
  state.watcher.stuck();
}

function failed(state: WifiState, reason: string): void {
  const { networks } = state;
  const network = networks[state.network] as KnownNetwork;
  state.isTrying = false;
  state.silentTries = 0;
  state.network = (state.network + 1) % networks.length;
  const isRoundOver = state.network === 0;
  const pauseMs = isRoundOver ? state.pauseMs : PAUSE_MS;
  if (isRoundOver) state.pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * state.pauseMs);
  state.watcher.log(2, `network ${network.ssid}: ${reason}, again in ${pauseMs / 1000} s`);
  again(state, pauseMs);
}

function again(state: WifiState, delayMs: number): void {
  stop(state);
  state.timer = setTimeout(() => {
    state.timer = 0;
    join(state);
  }, delayMs);
}

function stop(state: WifiState): void {
  if (state.timer !== 0) clearTimeout(state.timer);
  state.timer = 0;
}
