import type { Clock } from "../core/clock.js";

/** Dots across and lines of the panel. */
export const PANEL_WIDTH = 122;
export const PANEL_LINES = 250;
const BYTES_PER_LINE = 16;
const RAM_LINES = 296;

/** How long a soft reset and a whole refresh keep the panel busy, milliseconds. */
const RESET_MS = 10;
const REFRESH_MS = 2000;

const SLEEP = 0x10;
const ENTRY_MODE = 0x11;
const SOFT_RESET = 0x12;
const UPDATE = 0x20;
const UPDATE_CONTROL = 0x22;
const WRITE_RAM = 0x24;
const WINDOW_X = 0x44;
const WINDOW_Y = 0x45;
const CURSOR_X = 0x4e;
const CURSOR_Y = 0x4f;
/** Entry mode that counts both dots and lines upwards. */
const UPWARDS = 3;
/** Update sequence: clock and voltages on, temperature, waveform, picture, all off. */
const WHOLE_UPDATE = 0xf7;

/** A panel of electronic paper with the controller SSD1680, as far as a driver for black and white needs it. */
export class EmulatedSsd1680 {
  /** Pictures that were shown. */
  refreshes = 0;
  /** What a real panel would not have taken: bytes while it is busy or asleep, data without room. */
  faults = 0;
  /** Parameters of each command by its number, the last that were given. */
  readonly parameters = new Map<number, number[]>();
  readonly #clock: Clock;
  readonly #ram = new Uint8Array(BYTES_PER_LINE * RAM_LINES);
  readonly #shown = new Uint8Array(BYTES_PER_LINE * RAM_LINES).fill(0xff);
  #busyUntilMs = 0;
  #isAsleep = false;
  #isData = false;
  #command = 0;
  #x = 0;
  #y = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Level of the busy pin. */
  get busy(): number {
    return this.#clock.monotonicMs() < this.#busyUntilMs ? 1 : 0;
  }

  /** Level of the pin that tells data from commands. */
  setData(level: number): void {
    this.#isData = level === 1;
  }

  /** Level of the reset pin. */
  setReset(level: number): void {
    if (level === 1) return;
    this.#isAsleep = false;
    this.#busyUntilMs = 0;
    this.parameters.clear();
  }

  /** Takes what comes over the SPI bus while the panel is selected. */
  write(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.busy === 1 || this.#isAsleep) this.faults++;
      else if (this.#isData) this.#take(byte);
      else this.#begin(byte);
    }
  }

  /** What it shows: a text line for each line of the panel, `#` for black. */
  picture(): string[] {
    const lines: string[] = [];
    for (let line = 0; line < PANEL_LINES; line++) {
      let text = "";
      for (let dot = 0; dot < PANEL_WIDTH; dot++) {
        const byte = this.#shown[line * BYTES_PER_LINE + (dot >> 3)] ?? 0;
        text += byte & (0x80 >> (dot & 7)) ? "." : "#";
      }
      lines.push(text);
    }
    return lines;
  }

  #begin(command: number): void {
    this.#command = command;
    this.parameters.set(command, []);
    if (command === SOFT_RESET) this.#busyUntilMs = this.#clock.monotonicMs() + RESET_MS;
    if (command === UPDATE) this.#update();
  }

  #take(byte: number): void {
    if (this.#command === WRITE_RAM) {
      this.#store(byte);
      return;
    }
    const parameters = this.parameters.get(this.#command) ?? [];
    parameters.push(byte);
    if (this.#command === CURSOR_X) this.#x = byte;
    if (this.#command === CURSOR_Y) this.#y = (parameters[0] ?? 0) | ((parameters[1] ?? 0) << 8);
    if (this.#command === SLEEP) this.#isAsleep = byte !== 0;
  }

  #store(byte: number): void {
    const [firstX = 0, lastX = 0] = this.parameters.get(WINDOW_X) ?? [];
    const [low = 0, high = 0, lastLow = 0, lastHigh = 0] = this.parameters.get(WINDOW_Y) ?? [];
    const lastY = lastLow | (lastHigh << 8);
    const isUpwards = this.parameters.get(ENTRY_MODE)?.[0] === UPWARDS;
    if (!isUpwards || this.#y > lastY || this.#y < (low | (high << 8))) {
      this.faults++;
      return;
    }
    this.#ram[this.#y * BYTES_PER_LINE + this.#x] = byte;
    this.#x++;
    if (this.#x > lastX) {
      this.#x = firstX;
      this.#y++;
    }
  }

  #update(): void {
    if (this.parameters.get(UPDATE_CONTROL)?.[0] !== WHOLE_UPDATE) {
      this.faults++;
      return;
    }
    this.#shown.set(this.#ram);
    this.refreshes++;
    this.#busyUntilMs = this.#clock.monotonicMs() + REFRESH_MS;
  }
}
