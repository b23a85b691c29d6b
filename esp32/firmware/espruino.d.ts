/** What the firmware uses of the interpreter of a board, as far as it uses it (espruino.com/Reference). */

declare function clearTimeout(timer: number): void;
declare function print(text: string): void;

declare const E: {
  /** A string with one character for each byte; undefined when memory is short. */
  toString(bytes: Uint8Array): string | undefined;
  toUint8Array(text: string): Uint8Array;
  /** The bytes of a text where they are. */
  toArrayBuffer(text: string): ArrayBuffer;
  /** 32 random bits, of a generator in hardware where there is one. */
  hwRand(): number;
  enableWatchdog(seconds: number, isAutomatic: boolean): void;
  /** Told of flags that were not set before, or undefined when there is no room for a list of them. */
  on(event: "errorFlag", handler: (flags: readonly string[] | undefined) => void): void;
  reboot(): void;
  /** As zlib has it. */
  CRC32(text: string): number;
};

declare const process: {
  /** @param collect whether garbage is looked for first */
  memory(collect: boolean): { readonly free: number; readonly total: number; readonly blocksize: number };
  readonly env: { readonly BOARD: string; readonly VERSION: string };
};

interface BoardStorage {
  read(name: string): string | undefined;
  /** @param size of the whole file, when it is written in pieces */
  write(name: string, text: string | Uint8Array, offset?: number, size?: number): boolean;
  erase(name: string): void;
  list(): string[];
  getFree(): number;
}

/** Connection to a network. Errors are names of reasons of ESP-IDF, such as NO_AP_FOUND. */
interface BoardWifi {
  connect(
    network: string,
    options: { readonly password?: string },
    done: (error: string | null) => void,
  ): void;
  disconnect(): void;
  stopAP(): void;
  setHostname(name: string): void;
  getIP(): { readonly ip: string };
  on(event: "associated", handler: () => void): void;
  on(event: "connected", handler: (details: { readonly ip: string }) => void): void;
  /** Also when a try to connect failed. */
  on(event: "disconnected", handler: (details: { readonly msg: string }) => void): void;
}

/** The console for everyone in the network, on unless somebody switches it off. */
interface BoardTelnet {
  setOptions(options: { mode: "on" | "off" }): void;
}

interface BoardSocket {
  on(
    event: "message",
    handler: (text: string, from: { readonly address: string; readonly port: number }) => void,
  ): void;
  on(event: "close", handler: () => void): void;
  send(text: string, port: number, address: string): void;
  close(): void;
}

interface BoardDatagrams {
  createSocket(options: { type: string; reuseAddr: boolean }): BoardSocket & {
    bind(port: number): void;
  };
}

/** @throws when the interpreter has no such module */
declare function require(module: "Storage"): BoardStorage;
declare function require(module: "Wifi"): BoardWifi;
declare function require(module: "dgram"): BoardDatagrams;
declare function require(module: "TelnetServer"): BoardTelnet;
declare function require(module: "crypto"): { SHA256(text: string): ArrayBuffer };

/** The outermost scope; under the character 255, what the interpreter keeps for itself: lists of sockets by their names. */
declare const global: Readonly<
  Record<string, Readonly<Record<string, Record<string, BoardSocket> | undefined>> | undefined>
>;
