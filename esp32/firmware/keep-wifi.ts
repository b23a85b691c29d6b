import type { KnownNetwork } from "./settings.js";

/** Longest wait for a connection, milliseconds. */
const CONNECT_MS = 20_000;
/** Back-off between two rounds through all networks, milliseconds. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** What is known of the connection. */
interface WifiState {
  readonly networks: readonly KnownNetwork[];
  readonly changed: (isConnected: boolean) => void;
  /** Which network is tried next. */
  next: number;
  pauseMs: number;
  /** Of the next try, or of the end of the one under way; 0: none. */
  timer: number;
  isConnected: boolean;
}

/**
 * Keeps the board in one of its networks: tries one after the other, with longer and longer pauses between rounds, and again
 * whenever the connection is lost. Where the interpreter has no Wi-Fi of its own, the network is simply there.
 * @param changed is told of each change
 */
export function keepWifi(
  networks: readonly KnownNetwork[],
  name: string,
  changed: (isConnected: boolean) => void,
): void {
  const wifi = boardWifi();
  if (wifi === undefined || networks.length === 0) {
    changed(true);
    return;
  }
  const state: WifiState = { networks, changed, next: 0, pauseMs: PAUSE_MS, timer: 0, isConnected: false };
  // A board that was never set up is an open access point; this one is set up.
  wifi.stopAP();
  if (name !== "") wifi.setHostname(name);
  wifi.on("connected", () => connected(state));
  wifi.on("disconnected", () => {
    if (state.isConnected) lost(state);
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

function join(state: WifiState): void {
  const { networks } = state;
  const network = networks[state.next] as KnownNetwork;
  state.next = (state.next + 1) % networks.length;
  state.timer = setTimeout(() => failed(state), CONNECT_MS);
  require("Wifi").connect(network.ssid, { password: network.password }, (error) => {
    if (error === null) connected(state);
    else if (!state.isConnected) failed(state);
  });
}

function connected(state: WifiState): void {
  if (state.isConnected) return;
  stop(state);
  state.isConnected = true;
  state.pauseMs = PAUSE_MS;
  // The network that served last is the first to be tried again.
  state.next = (state.next + state.networks.length - 1) % state.networks.length;
  state.changed(true);
}

function lost(state: WifiState): void {
  state.isConnected = false;
  state.changed(false);
  again(state, PAUSE_MS);
}

function failed(state: WifiState): void {
  const isRoundOver = state.next === 0;
  again(state, isRoundOver ? state.pauseMs : PAUSE_MS);
  if (isRoundOver) state.pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * state.pauseMs);
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
