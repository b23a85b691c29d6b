import { lookup } from "node:dns/promises";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError } from "../../core/errors.js";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { ALL_RESOURCES, type ResourceClass } from "../../emulator/emulated-device.js";
import type { LinkConditions } from "../../emulator/network/link-conditions.js";

/** What was given on the command line. */
export interface EmulateOptions {
  readonly gateway: string;
  readonly count: string;
  readonly name: string;
  readonly seed: string;
  readonly profile: string;
  readonly resources?: string;
  readonly measurements?: string;
  readonly loss: string;
  readonly delay: string;
  readonly jitter: string;
  readonly duplication: string;
  readonly reordering: string;
  readonly bandwidth: string;
  readonly outage?: string;
  readonly powerCycle?: string;
  readonly flashFolder?: string;
  readonly spread?: string;
  readonly interactive?: boolean;
}

/** A number that the user gave. @throws EdgelessError EDGELESS_USAGE */
export function numberOption(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new EdgelessError(
    "EDGELESS_USAGE",
    `${option} takes a number from ${least} to ${most}, not "${text}"`,
  );
}

/** The board that is meant. @throws EdgelessError EDGELESS_USAGE */
export function profileOption(name: string): BoardProfile {
  const profile = BOARD_PROFILES[name];
  if (profile !== undefined) return profile;
  throw new EdgelessError("EDGELESS_USAGE", `no board ${name}: ${Object.keys(BOARD_PROFILES).join(", ")}`);
}

/** The resource classes that are meant. @throws EdgelessError EDGELESS_USAGE */
export function resourcesOption(text: string | undefined): readonly ResourceClass[] {
  if (text === undefined) return ALL_RESOURCES;
  const names = text.split(",").filter((name) => name !== "");
  return names.map((name) => {
    const known = ALL_RESOURCES.find((candidate) => candidate === name);
    if (known !== undefined) return known;
    throw new EdgelessError("EDGELESS_USAGE", `no resource class ${name}: ${ALL_RESOURCES.join(", ")}`);
  });
}

/**
 * Address and port of the gateway; a device knows it by the address from which it answers, so a name is looked up.
 * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_UNREACHABLE
 */
export async function gatewayOption(
  text: string,
): Promise<{ readonly address: string; readonly port: number }> {
  const { host, port } = parseEndpoint(text.includes("://") ? text : `coap://${text}`, "--gateway");
  try {
    const { address } = await lookup(host, { order: "ipv4first" });
    return { address, port };
  } catch (error) {
    throw new EdgelessError("EDGELESS_UNREACHABLE", `--gateway: there is no address for ${host}`, error);
  }
}

/** How the links treat datagrams. @throws EdgelessError EDGELESS_USAGE */
export function linkOption(options: EmulateOptions): Partial<LinkConditions> {
  const part = (text: string, option: string) => numberOption(text, option, 0, 100) / 100;
  return {
    loss: part(options.loss, "--loss"),
    delayMs: numberOption(options.delay, "--delay", 0, 60_000),
    jitterMs: numberOption(options.jitter, "--jitter", 0, 60_000),
    duplication: part(options.duplication, "--duplication"),
    reordering: part(options.reordering, "--reordering"),
    bandwidth: numberOption(options.bandwidth, "--bandwidth", 0, 1e9),
    outages: outages(options.outage),
  };
}

function outages(text: string | undefined): LinkConditions["outages"] {
  if (text === undefined) return [];
  return text.split(",").map((window) => {
    const [from = "", to = "", ...more] = window.split("-");
    if (more.length > 0)
      throw new EdgelessError("EDGELESS_USAGE", `--outage takes FROM-TO in seconds, not "${window}"`);
    const fromMs = numberOption(from, "--outage", 0, 1e6) * 1000;
    return { fromMs, toMs: numberOption(to, "--outage", 0, 1e6) * 1000 };
  });
}
