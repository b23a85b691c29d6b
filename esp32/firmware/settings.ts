import { FUNCTION_MEMORY_BYTES } from "../../embedded/board-limits.js";
import type { DriverConfig } from "../drivers/driver-config.js";

/** Name of the settings in flash. */
const SETTINGS = "edgeless.json";

/** Port of CoAP (RFC 7252 section 6.1). */
const COAP_PORT = 5683;

/** Settings of a board, as the command that provisions it leaves them in flash. */
export interface BoardSettings {
  /** Name for people. */
  readonly name: string;
  /** Node id, a UUID. */
  readonly node: string;
  /** Networks, the preferred one first. */
  readonly wifi: readonly KnownNetwork[];
  readonly gateway: { readonly address: string; readonly port: number };
  readonly labels: string[];
  readonly lifetimeSeconds: number;
  readonly providers: readonly DriverConfig[];
  /** Pin of the light that shows the state; empty: none. */
  readonly led: string;
  /** Memory of one function, bytes; default 4,096. */
  readonly functionMemoryBytes: number;
  /** UDP port of the board; default 5683. */
  readonly port: number;
  /** Whether everyone in the network gets the console of the interpreter, passwords included; default no. */
  readonly telnet: boolean;
}

/** A network that the board may join. */
export interface KnownNetwork {
  readonly ssid: string;
  readonly password: string;
}

/** The settings in flash. @throws a text when there are none, or none that can be used */
export function readSettings(): BoardSettings {
  const text = require("Storage").read(SETTINGS);
  if (text === undefined) throw `${SETTINGS} is missing`;
  const read = JSON.parse(text) as Partial<BoardSettings>;
  const { node, gateway } = read;
  if (node === undefined || gateway === undefined) throw `${SETTINGS} has no node or no gateway`;
  return {
    name: read.name === undefined ? "" : read.name,
    node,
    wifi: read.wifi === undefined ? [] : read.wifi,
    gateway,
    labels: read.labels === undefined ? [] : read.labels,
    lifetimeSeconds: read.lifetimeSeconds === undefined ? 60 : read.lifetimeSeconds,
    providers: read.providers === undefined ? [] : read.providers,
    led: read.led === undefined ? "" : read.led,
    functionMemoryBytes:
      read.functionMemoryBytes === undefined ? FUNCTION_MEMORY_BYTES : read.functionMemoryBytes,
    port: read.port === undefined ? COAP_PORT : read.port,
    telnet: read.telnet === true,
  };
}
