import { z } from "zod";
import type { BoardConsole } from "./board-console.js";

/** How a board stands to its network. */
export interface BoardNetworkState {
  /** True when it has joined a network. */
  readonly isJoined: boolean;
  /** Name of the network; empty when it is in none. */
  readonly ssid: string;
  /** Strength of the signal, dBm. */
  readonly rssi: number;
  /** Its own address; empty until it has one. */
  readonly address: string;
  /** Why it is in no network, in the words of its Wi-Fi. */
  readonly reason: string;
}

const stateSchema = z.nullable(z.tuple([z.string(), z.string(), z.number(), z.string()]));

/** A board without Wi-Fi answers null. */
const QUESTION = `(function(){try{var w=require("Wifi"),s=w.getStatus(),i=w.getIP();
return [s.station,s.ssid||"",s.rssi||0,i&&i.ip||""]}catch(e){return null}})()`.replace("\n", "");

/** What the reasons of ESP-IDF (`wifi_err_reason_t`) mean for a person. */
const MEANINGS: Readonly<Record<string, string>> = {
  NO_AP_FOUND: "no such network in reach",
  AUTH_FAIL: "the password is wrong",
  AUTH_EXPIRE: "the password is wrong or the signal is weak",
  "4WAY_HANDSHAKE_TIMEOUT": "the password is wrong or the signal is weak",
  HANDSHAKE_TIMEOUT: "the password is wrong or the signal is weak",
  ASSOC_TOOMANY: "the network takes no more devices",
  BEACON_TIMEOUT: "the signal is weak",
};

/**
 * Asks a board for its network; what runs on it goes on.
 * @returns undefined for a board without Wi-Fi
 * @throws EdgelessError EDGELESS_SERIAL_CONSOLE, EDGELESS_SERIAL_LOST
 */
export async function readBoardNetwork(console: BoardConsole): Promise<BoardNetworkState | undefined> {
  const state = await console.query(stateSchema, QUESTION);
  if (state === null) return undefined;
  const [station, ssid, rssi, address] = state;
  const isJoined = station === "connected";
  return { isJoined, ssid, rssi, address, reason: isJoined ? "" : station };
}

/** The same in a sentence without a full stop. */
export function describeNetwork({ isJoined, ssid, rssi, address, reason }: BoardNetworkState): string {
  if (!isJoined) {
    const meaning = MEANINGS[reason];
    return `the board is in no network: ${meaning === undefined ? reason : `${meaning} (${reason})`}`;
  }
  const named = ssid === "" ? "a network" : `the network ${ssid}`;
  const strength = rssi === 0 ? "" : `, signal ${rssi} dBm`;
  return `the board is in ${named}${address === "" ? ", without an address yet" : ` as ${address}`}${strength}`;
}
