import { lookup } from "node:dns/promises";
import { isIPv4 } from "node:net";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError } from "../../core/errors.js";
import type { Random } from "../../core/random.js";
import { randomUuid } from "../../core/uuid.js";
import { BOARD_PROFILES, type BoardProfile, profileOfFirmware } from "../../esp32/board-profile.js";
import {
  type BoardNetwork,
  type BoardProvider,
  type BoardSettings,
  boardSettingsSchema,
  networksSchema,
  providersSchema,
} from "../../esp32/board-settings.js";
import type { Interpreter } from "../../esp32/tools/board-console.js";
import { readJsonFile } from "../../platform/json-file.js";
import { numberOption } from "../emulate/emulate-options.js";
import { faultsOf } from "./faults.js";
import { parseProvider } from "./provider-option.js";
import type { Questions } from "./questions.js";

/** What was said about the settings of a board. */
export interface SettingsOptions {
  readonly name?: string;
  readonly newId?: boolean;
  /** Network names, or false for none at all. */
  readonly wifi?: readonly string[] | false;
  readonly wifiFile?: string;
  readonly gateway?: string;
  readonly boardProfile?: string;
  readonly providers?: string;
  readonly provider?: readonly string[];
  readonly label?: readonly string[];
  readonly lifetime?: string;
  readonly led?: string;
  readonly ble?: boolean;
  readonly telnet?: boolean;
  readonly devicePort?: string;
}

/** Surroundings of the choice. */
export interface SettingsSources {
  readonly random: Random;
  /** Undefined when there is nobody to ask. */
  readonly questions: Questions | undefined;
  /** Addresses of this machine, offered as those of the gateway. */
  readonly addresses: readonly string[];
  /** Password for the networks of --wifi, from the environment. */
  readonly wifiPassword: string | undefined;
  /** Takes what a person should think over. */
  note(text: string): void;
}

const COAP_PORT = 5683;
const LIFETIME_SECONDS = 60;

/**
 * The settings of a board: what was said counts first, then what the board had, then what a person answers, then defaults.
 * @throws EdgelessError EDGELESS_USAGE naming the option that is missing or wrong, EDGELESS_BAD_CONFIG for a file
 */
export async function chooseSettings(
  options: SettingsOptions,
  interpreter: Interpreter,
  previous: BoardSettings | undefined,
  sources: SettingsSources,
): Promise<BoardSettings> {
  const profile = profileFor(options, interpreter);
  const node = previous === undefined || options.newId === true ? randomUuid(sources.random) : previous.node;
  const suggestedName = `board-${node.slice(0, 4)}`;
  const settings = {
    name:
      options.name ??
      previous?.name ??
      (await sources.questions?.ask("Name of the board", suggestedName)) ??
      suggestedName,
    node,
    wifi: await networks(options, previous, sources),
    gateway: await gateway(options, previous, sources),
    labels: options.label ?? previous?.labels ?? [],
    lifetimeSeconds:
      options.lifetime === undefined
        ? (previous?.lifetimeSeconds ?? LIFETIME_SECONDS)
        : numberOption(options.lifetime, "--lifetime", 10, 604_800),
    providers: providers(options, previous, profile),
    led: light(options, previous, profile),
    ble: options.ble ?? previous?.ble,
    telnet: options.telnet ?? previous?.telnet,
    port:
      options.devicePort === undefined
        ? previous?.port
        : numberOption(options.devicePort, "--device-port", 0, 65_535),
  };
  const parsed = boardSettingsSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  throw new EdgelessError("EDGELESS_USAGE", `settings: ${faultsOf(parsed.error)}`, parsed.error);
}

function light(
  { led }: SettingsOptions,
  previous: BoardSettings | undefined,
  profile: BoardProfile,
): string | undefined {
  if (led !== undefined) return led === "none" ? undefined : led;
  return previous === undefined ? profile.led : previous.led;
}

function profileFor({ boardProfile }: SettingsOptions, { board }: Interpreter): BoardProfile {
  const name = boardProfile ?? profileOfFirmware(board);
  const profile = BOARD_PROFILES[name];
  if (profile !== undefined) return profile;
  const known = Object.keys(BOARD_PROFILES).join(", ");
  throw new EdgelessError("EDGELESS_USAGE", `no board profile ${name}: ${known}`);
}

async function networks(
  { wifi, wifiFile }: SettingsOptions,
  previous: BoardSettings | undefined,
  { questions, wifiPassword }: SettingsSources,
): Promise<readonly BoardNetwork[]> {
  if (wifi === false) return [];
  if (wifiFile !== undefined) return readJsonFile(wifiFile, networksSchema, "EDGELESS_BAD_CONFIG");
  if (wifi !== undefined) {
    const named: BoardNetwork[] = [];
    for (const ssid of wifi) {
      const known = previous?.wifi.find((network) => network.ssid === ssid)?.password;
      const password = wifiPassword ?? known ?? (await questions?.askHidden(`Password of ${ssid}`));
      if (password === undefined)
        throw new EdgelessError(
          "EDGELESS_USAGE",
          `no password for the network ${ssid}: set EDGELESS_WIFI_PASSWORD or use --wifi-file`,
        );
      named.push({ ssid, password });
    }
    return named;
  }
  if (previous !== undefined) return previous.wifi;
  if (questions === undefined)
    throw new EdgelessError("EDGELESS_USAGE", "no network: use --wifi NAME, --wifi-file FILE or --no-wifi");
  const ssid = await questions.ask("Wi-Fi network", "");
  if (ssid === "") return [];
  return [{ ssid, password: wifiPassword ?? (await questions.askHidden(`Password of ${ssid}`)) }];
}

async function gateway(
  options: SettingsOptions,
  previous: BoardSettings | undefined,
  { questions, addresses, note }: SettingsSources,
): Promise<BoardSettings["gateway"]> {
  let text = options.gateway;
  if (text === undefined && previous !== undefined) return previous.gateway;
  text ??= await questions?.ask("Address of the gateway", addresses[0] ?? "");
  if (text === undefined || text === "")
    throw new EdgelessError("EDGELESS_USAGE", "no gateway: use --gateway HOST[:PORT]");
  const bare = text.replace(/^coap:\/\//, "");
  const withPort = bare.includes(":") ? bare : `${bare}:${COAP_PORT}`;
  if (bare.includes("/") || bare.startsWith("["))
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `--gateway takes an IPv4 address or a name, and a port: HOST[:PORT], not "${text}"`,
    );
  const { host, port } = parseEndpoint(`coap://${withPort}`, "--gateway");
  const address = await numericAddress(host);
  if (/^(127|0)\./.test(address)) note(`${address} is the board itself: it will find no gateway there`);
  return { address, port };
}

/** Boards know their gateway by the numeric address that its answers come from. */
async function numericAddress(host: string): Promise<string> {
  if (isIPv4(host)) return host;
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `--gateway: ${host} has no IPv4 address that this computer could find`,
      error,
    );
  }
}

function providers(
  options: SettingsOptions,
  previous: BoardSettings | undefined,
  profile: BoardProfile,
): readonly BoardProvider[] {
  const { providers: file, provider: named } = options;
  if (file === undefined && named === undefined) return previous?.providers ?? [];
  const listed = file === undefined ? [] : readJsonFile(file, providersSchema, "EDGELESS_BAD_CONFIG");
  const counts = new Map<string, number>();
  const said = (named ?? []).map((text) => {
    const className = text.split(/[=,]/)[0] ?? "";
    const at = counts.get(className) ?? 0;
    counts.set(className, at + 1);
    return parseProvider(text, at, profile);
  });
  return [...listed, ...said];
}
