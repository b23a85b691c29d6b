import { type Context, createContext, runInContext } from "node:vm";
import { crc32 } from "node:zlib";
import type { Signals } from "../../esp32/tools/byte-port.js";
import type { MemoryPort, PortPeer } from "./memory-port.js";

/** What a {@link ScriptedBoard} is, and what goes wrong. */
export interface BoardScript {
  /** Version of its Espruino. */
  version?: string;
  board?: string;
  /** Room for files, bytes. */
  storageBytes?: number;
  /** Does not answer until it is interrupted. */
  isBusy?: boolean;
  /** Answers nothing at all. */
  silent?: boolean;
  /** Refuses the first so many packets. */
  refusedPackets?: number;
  /** Swallows so many acknowledgements. */
  lostAnswers?: number;
  /** Damages the first so many values that it answers. */
  damagedAnswers?: number;
  /** Flips a bit in the first so many parts of files. */
  damagedParts?: number;
  /** Pulls the cable at this packet, counted from 1. */
  pullAtPacket?: number;
  /** Its program prints a lot, all the time. */
  chatters?: boolean;
  /** Asks to pause at every part of a file. */
  pauses?: boolean;
  /** Name of the network it is in, or why it is in none; undefined for a board without Wi-Fi. */
  network?: { ssid: string } | { reason: string };
  /** What the runtime prints when it starts; none is printed without a runtime. */
  startLines?: readonly string[];
}

const ACK = Uint8Array.of(6);
const NAK = Uint8Array.of(21);
const BURST_LIMIT = 64;
const PACKET_TIMEOUT_MS = 150;

/**
 * A board with Espruino at the other end of a serial line: enquiry, interrupt, packets, storage. Expressions are evaluated as
 * they are, over a small part of the board's library.
 */
export class ScriptedBoard implements PortPeer {
  readonly script: BoardScript;
  readonly files: Map<string, Buffer>;
  starts = 0;
  packets = 0;
  interrupts = 0;
  #hasBluetooth = true;
  #chatter: NodeJS.Timeout | undefined;
  #port: MemoryPort;
  #input: number[] = [];
  #file: { name: string; size: number; at: number; content: Buffer | undefined } | undefined;
  #memory: Context | undefined;
  #timer: NodeJS.Timeout | undefined;
  #rts = false;
  #pauseTimer: NodeJS.Timeout | undefined;

  constructor(port: MemoryPort, script: BoardScript = {}, files = new Map<string, Buffer>()) {
    this.#port = port;
    this.script = script;
    this.files = files;
    port.peer = this;
    if (script.chatters === true && files.has(".boot0")) this.#chat();
  }

  /** Has another line to it from now on; what it was doing goes on. */
  plugIn(port: MemoryPort): void {
    this.#port = port;
    port.peer = this;
  }

  signals({ rts }: Signals): void {
    if (this.#rts && !rts) this.start();
    this.#rts = rts;
  }

  /** Starts as after power-on. */
  start(): void {
    this.starts++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#input = [];
    this.#file = undefined;
    this.#memory = undefined;
    clearInterval(this.#chatter);
    this.#print("rst:0x1 (POWERON_RESET)\r\n");
    const isRunning = this.files.has(".boot0");
    if (isRunning && this.script.chatters === true) this.#chat();
    for (const line of isRunning ? (this.script.startLines ?? []) : ["", "|  __|_ -| . |", ""])
      this.#print(`${line}\r\n`);
    if (!isRunning) this.#print(">");
  }

  /** Prints a lot for as long as its program runs and someone listens. */
  #chat(): void {
    this.#chatter = setInterval(() => {
      if (this.#port.isOpen) this.#print("reading 12.5 of Espruino\r\n>".repeat(200));
      else clearInterval(this.#chatter);
    }, 5);
  }

  receive(bytes: Uint8Array): void {
    if (this.script.silent === true) return;
    // Older firmware loses what comes in large bursts.
    const isOld = this.#version < 2029;
    this.#input.push(...(isOld ? bytes.subarray(0, BURST_LIMIT) : bytes));
    this.#work();
  }

  get #version(): number {
    const [major = "0", minor = "0"] = (this.script.version ?? "2v29").split(/v|\./);
    return Number(major) * 1000 + Number(minor);
  }

  #work(): void {
    for (;;) {
      const [first, second, high = 0, low = 0] = this.#input;
      if (first === undefined) return;
      if (first === 16 && second === undefined) return;
      if (first === 16 && second === 1 && this.#version >= 2025) {
        const length = ((high & 0x1f) << 8) | low;
        if (this.#input.length < 4 + length) {
          this.#timer ??= setTimeout(() => this.#giveUp(), PACKET_TIMEOUT_MS);
          return;
        }
        clearTimeout(this.#timer);
        this.#timer = undefined;
        const payload = Buffer.from(this.#input.splice(0, 4 + length).slice(4));
        this.#packet(high >> 5, payload);
      } else this.#character(this.#input.shift() ?? 0);
    }
  }

  #giveUp(): void {
    this.#timer = undefined;
    this.#input = [];
    this.#port.send(NAK);
  }

  #line = "";

  #character(byte: number): void {
    if (byte === 3) {
      this.interrupts++;
      this.script.isBusy = false;
      this.#print("\r\x1b[J>");
    } else if (this.script.isBusy === true) return;
    else if (byte === 5) {
      if (this.#version >= 2025)
        this.#print(`Espruino ${this.script.version ?? "2v29"} ${this.script.board ?? "ESP32"}\r\n`);
    } else if (byte === 10) {
      if (this.#line.startsWith("print(")) this.#print(`version ${this.script.version}\r\n`);
      this.#line = "";
    } else if (byte !== 16) {
      this.#line += String.fromCharCode(byte);
      if (this.#line.endsWith("\u001b[2H")) this.#line = "";
    }
  }

  #packet(type: number, payload: Buffer): void {
    this.packets++;
    const { script } = this;
    if (this.packets === script.pullAtPacket) {
      this.#port.pull();
      return;
    }
    if ((script.refusedPackets ?? 0) > 0) {
      script.refusedPackets = (script.refusedPackets ?? 0) - 1;
      this.#port.send(NAK);
      return;
    }
    if (type === 1) this.#evaluate(payload.toString("latin1"));
    else if (type === 3) {
      const announced = /^\{"fn":"([^"]+)","s":(\d+)\}$/.exec(payload.toString());
      this.#file =
        announced === null
          ? undefined
          : { name: announced[1] ?? "", size: Number(announced[2]), at: 0, content: undefined };
      this.#port.send(this.#file === undefined ? NAK : ACK);
    } else if (type === 4) this.#part(payload);
    else this.#port.send(NAK);
  }

  #part(payload: Buffer): void {
    const { script } = this;
    const file = this.#file;
    if (file === undefined) {
      this.#port.send(NAK);
      return;
    }
    if ((script.damagedParts ?? 0) > 0) {
      script.damagedParts = (script.damagedParts ?? 0) - 1;
      payload[0] = (payload[0] ?? 0) ^ 1;
    }
    if (file.content === undefined) {
      // The former file goes with the first part; a board does not tell that one does not fit.
      this.files.delete(file.name);
      file.content = Buffer.alloc(file.size, 0xff);
      if (file.size <= this.#free) this.files.set(file.name, file.content);
    }
    file.content.set(payload, file.at);
    file.at += payload.length;
    if (file.at >= file.size) this.#file = undefined;
    if ((script.lostAnswers ?? 0) > 0) {
      script.lostAnswers = (script.lostAnswers ?? 0) - 1;
      return;
    }
    if (script.pauses === true) {
      this.#port.send(Uint8Array.of(19));
      clearTimeout(this.#pauseTimer);
      this.#pauseTimer = setTimeout(() => this.#port.send(Uint8Array.of(17)), 5);
    }
    this.#port.send(ACK);
  }

  #evaluate(expression: string): void {
    let literal: string;
    try {
      this.#memory ??= this.#newMemory();
      const value: unknown = runInContext(expression, this.#memory);
      literal = value === undefined ? "undefined" : JSON.stringify(value);
    } catch (error) {
      this.#port.send(NAK);
      this.#print(`Uncaught ${String(error)}\r\n`);
      return;
    }
    const { damagedAnswers = 0 } = this.script;
    if (damagedAnswers > 0) {
      this.script.damagedAnswers = damagedAnswers - 1;
      literal = '"{"';
    }
    const header = Uint8Array.of(6, 16, 1, literal.length >> 8, literal.length & 0xff);
    this.#port.send(Buffer.concat([header, Buffer.from(literal, "latin1")]));
  }

  #newMemory(): Context {
    const { files } = this;
    const storage = {
      list: () => [...files.keys()],
      read: (name: string) => files.get(name)?.toString("latin1"),
      erase: (name: string) => void files.delete(name),
      write: (name: string, text: string) => {
        files.delete(name);
        if (text.length <= this.#free) files.set(name, Buffer.from(text, "latin1"));
        return files.has(name);
      },
      eraseAll: () => files.clear(),
      compact: () => {},
      getStats: () => ({ freeBytes: this.#free, trashBytes: 0, totalBytes: this.#total }),
    };
    const { network } = this.script;
    const wifi = {
      getStatus: () =>
        network !== undefined && "ssid" in network
          ? { station: "connected", ssid: network.ssid, rssi: -61 }
          : { station: network?.reason },
      getIP: () => (network !== undefined && "ssid" in network ? { ip: "192.168.1.77" } : {}),
    };
    return createContext({
      echo: () => {},
      require: (name: string) => {
        if (name === "Storage") return storage;
        if (network === undefined) throw new Error(`no module ${name}`);
        return wifi;
      },
      E: { CRC32: (text: string) => crc32(Buffer.from(text, "latin1")), reboot: () => this.start() },
      ESP32: {
        enableBLE: (isOn: boolean) => {
          this.#hasBluetooth = isOn;
          this.start();
        },
      },
      process: {
        memory: () => ({ free: 2_500, total: this.#hasBluetooth ? 2_714 : 4_600, blocksize: 14 }),
        env: { VERSION: this.script.version ?? "2v29", BOARD: this.script.board ?? "ESP32" },
      },
      setTimeout: (callback: () => void) => {
        setTimeout(callback, 5);
        return 1;
      },
    });
  }

  get #total(): number {
    return this.script.storageBytes ?? 896 * 1024;
  }

  get #free(): number {
    return [...this.files.values()].reduce((free, { length }) => free - length - 32, this.#total);
  }

  #print(text: string): void {
    this.#port.send(Buffer.from(text, "latin1"));
  }
}
