import { z } from "zod";
import { boardSettingsSchema, SETTINGS_FILE } from "../board-settings.js";
import type { BoardConsole, Interpreter } from "./board-console.js";
import { type BoardNetworkState, readBoardNetwork } from "./board-network.js";
import { BoardStorage } from "./board-storage.js";
import { BOOT_FILE } from "./runtime-files.js";

/** What a running board tells of itself. */
export interface BoardInfo {
  readonly interpreter: Interpreter;
  readonly freeVariables: number;
  readonly totalVariables: number;
  readonly variableBytes: number;
  readonly storageFreeBytes: number;
  readonly storageTotalBytes: number;
  /** True when a device runtime starts with the board. */
  readonly hasRuntime: boolean;
  /** Undefined for a board without Wi-Fi. */
  readonly network: BoardNetworkState | undefined;
  /** From its settings; passwords are left out. */
  readonly name?: string;
  readonly node?: string;
  readonly gateway?: string;
  readonly networks?: readonly string[];
  readonly providers?: readonly string[];
}

const memorySchema = z.object({ free: z.number(), total: z.number(), blocksize: z.number() });

/**
 * Asks a board for its firmware, memory and settings; what runs on it goes on.
 * @throws EdgelessError EDGELESS_SERIAL_CONSOLE, EDGELESS_SERIAL_LOST
 */
export async function readBoardInfo(console: BoardConsole, interpreter: Interpreter): Promise<BoardInfo> {
  const storage = new BoardStorage(console);
  const memory = await console.query(memorySchema, "process.memory()");
  const { freeBytes, totalBytes } = await storage.stats();
  const names = await storage.names();
  return {
    interpreter,
    freeVariables: memory.free,
    totalVariables: memory.total,
    variableBytes: memory.blocksize,
    storageFreeBytes: freeBytes,
    storageTotalBytes: totalBytes,
    hasRuntime: names.includes(BOOT_FILE),
    network: await readBoardNetwork(console),
    ...(names.includes(SETTINGS_FILE) ? settingsOf(await storage.readText(SETTINGS_FILE)) : {}),
  };
}

function settingsOf(text: string | undefined): Partial<BoardInfo> {
  let raw: unknown;
  try {
    raw = JSON.parse(text ?? "");
  } catch {
    return {};
  }
  const parsed = boardSettingsSchema.safeParse(raw);
  if (!parsed.success) return {};
  const { name, node, gateway, wifi, providers } = parsed.data;
  return {
    name,
    node,
    gateway: `${gateway.address}:${gateway.port}`,
    networks: wifi.map(({ ssid }) => ssid),
    providers: providers.map((provider) => `${provider.id} (${provider.class})`),
  };
}
