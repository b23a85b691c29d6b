import type { DatagramPort, Timers } from "../coap-api/endpoint/transport.js";
import type { BootGuard } from "./boot-guard.js";

/** What a board needs so that its firmware can be replaced. */
export interface FirmwareBoard {
  readonly guard: BootGuard;
  /** Of a firmware that no list describes. */
  readonly version: string;
  /** Of a whole block, as zlib has it. */
  crc32(name: string): number;
}

/** Named blocks of bytes that outlive a power cycle. */
export interface FlashStorage {
  /** The whole block; undefined when there is none. A view is allowed: the caller does not change it. */
  read(name: string): Uint8Array | undefined;
  /** The whole block as text of one byte a character, which on a board stays where it is; undefined when there is none. */
  readText(name: string): string | undefined;
  /** Replaces a block; false when there is no room. */
  write(name: string, bytes: Uint8Array): boolean;
  /**
   * Writes a part of a block of a certain size; the first part makes it. Parts that are there already stay, and may come again.
   * @returns false when there is no room, or other bytes are there
   */
  writePart(name: string, at: number, total: number, bytes: Uint8Array): boolean;
  /** SHA-256 of a whole block, 32 bytes; undefined when there is none, or the board cannot compute it in reasonable time. */
  sha256(name: string): Uint8Array | undefined;
  erase(name: string): void;
  names(): string[];
  freeBytes(): number;
}

/** What the device runtime needs of a board. */
export interface Hardware {
  readonly socket: DatagramPort;
  readonly timers: Timers;
  /** Fills its argument with random bytes. */
  random(target: Uint8Array): Uint8Array;
  readonly storage: FlashStorage;
  freeMemoryBytes(): number;
  /**
   * True when so many bytes more may be kept and what runs still has room; asked for each event, so it must not take long.
   * @param isInside whether a function runs now, which has most of its room already
   */
  hasRoomFor(bytes: number, isInside: boolean): boolean;
  /** Takes a line about the runtime itself; levels as in EDGELESS, 1 (error) to 5 (trace). */
  log(level: number, text: string): void;
  /** Kind of board, for people. */
  readonly board: string;
  /** How it boots, and how its firmware is replaced; absent: neither is kept track of. */
  readonly firmware?: FirmwareBoard | undefined;
}

/** General purpose pins, named as the board names them. */
export interface Pins {
  /** @param pull "up", "down" or "" */
  input(pin: string, pull: string): void;
  /** 0 or 1. */
  read(pin: string): number;
  write(pin: string, level: number): void;
  /** Calls `changed` after each change of level; returns what ends that. */
  watch(pin: string, changed: (level: number) => void): () => void;
  /** Voltage as a part of the reference voltage, 0 to 1. */
  analog(pin: string): number;
  /** Pulses of a frequency in hertz that are high for a part of the time, 0 to 1. */
  pulse(pin: string, part: number, frequency: number): void;
}

/** An I2C bus with the board as its only master. Both methods throw when the device does not acknowledge. */
export interface I2cBus {
  write(address: number, bytes: Uint8Array): void;
  read(address: number, count: number): Uint8Array;
}

/** A display that shows lines of text; the next text replaces the whole. */
export interface TextDisplay {
  show(text: string): void;
}
