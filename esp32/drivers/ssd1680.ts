import type { TextDisplay } from "../../embedded/hardware.js";
import { boardPin } from "./board-pin.js";
import type { DriverConfig } from "./driver-config.js";

/** How a panel is wired. */
export interface PanelConfig extends DriverConfig {
  /** Clock and data of the SPI bus. */
  readonly sck: string;
  readonly mosi: string;
  readonly cs: string;
  readonly dc: string;
  readonly rst: string;
  readonly busy: string;
  /** True when the board is mounted upside down. */
  readonly turned?: boolean;
  /** Least seconds between two pictures, default 10: each one wears the panel a little. */
  readonly pause?: number;
}

/** Lines of the panel as it is driven: a text line runs across them. */
const LINES = 250;
const BYTES_PER_LINE = 16;
/**
 * Lines that are drawn at once, so that the picture need never be in memory as a whole. A multiple of the scale of the font: dots
 * of letters are not cut well.
 */
const BAND = 50;
/** The panel has 122 of the 128 dots of a line; the first ones are missing. */
const MARGIN = 6;
const FONT = "6x8";
const SCALE = 2;
const PAUSE_SECONDS = 10;

/** A reset takes so long, and the panel looks at its busy pin so often, milliseconds. */
const RESET_MS = 20;
const POLL_MS = 50;
/** After so many looks the panel is given up for this picture. */
const POLLS = 200;

/** Commands of the SSD1680 data sheet. */
const SOFT_RESET = 0x12;
const WRITE_RAM = 0x24;
const UPDATE = 0x20;
const SLEEP = 0x10;
/** Command, number of bytes, bytes, ...: all lines, counting upwards, from dot 0 of line 0. */
const PREPARE = [
  0x01, 3, 249, 0, 0, 0x11, 1, 3, 0x44, 2, 0, 15, 0x45, 4, 0, 0, 249, 0, 0x3c, 1, 5, 0x21, 2, 0, 128, 0x18, 1,
  128, 0x4e, 1, 0, 0x4f, 2, 0, 0,
];
/** A whole refresh, with the waveform for the temperature that the panel measures. */
const WHOLE = [0x22, 1, 0xf7];

/**
 * A panel of electronic paper. A picture takes a few seconds, of which the board is busy for moments only; of the texts that come
 * meanwhile the last one is shown next. A panel that does not answer costs nothing but its picture.
 */
export class Ssd1680 implements TextDisplay {
  private readonly config: PanelConfig;
  private text: string;
  private isDrawing: boolean;
  private isStale: boolean;

  /** @throws DeviceFault when a pin is wrong */
  constructor(config: PanelConfig) {
    this.config = config;
    this.text = "";
    this.isDrawing = false;
    this.isStale = false;
    SPI1.setup({ sck: boardPin(config.sck), mosi: boardPin(config.mosi), baud: 4000000 });
    pinMode(boardPin(config.busy), "input");
    digitalWrite(boardPin(config.cs), 1);
  }

  show(text: string): void {
    this.text = text;
    this.isStale = true;
    if (!this.isDrawing) this.begin();
  }

  private begin(): void {
    const reset = boardPin(this.config.rst);
    this.isDrawing = true;
    digitalWrite(reset, 0);
    setTimeout(() => {
      digitalWrite(reset, 1);
      setTimeout(() => {
        this.command(SOFT_RESET);
        this.whenReady(POLLS, () => this.draw());
      }, RESET_MS);
    }, RESET_MS);
  }

  private draw(): void {
    this.isStale = false;
    this.commands(PREPARE);
    this.command(WRITE_RAM);
    this.band(0);
  }

  /** Draws from a line on; the board does other things between two bands. */
  private band(line: number): void {
    if (line >= LINES) {
      this.commands(WHOLE);
      this.command(UPDATE);
      this.whenReady(POLLS, () => this.sleep());
      return;
    }
    const { turned } = this.config;
    const picture = Graphics.createArrayBuffer(BYTES_PER_LINE * 8, BAND, 1, { msb: true });
    picture
      .setBgColor(1)
      .clear()
      .setColor(0)
      .setFont(FONT, SCALE)
      .setRotation(turned ? 3 : 1);
    const text = picture.wrapString(this.text, LINES).join("\n");
    picture.drawString(text, turned ? line + BAND - LINES : -line, turned ? 0 : MARGIN);
    this.data(picture.buffer);
    setTimeout(() => this.band(line + BAND), 0);
  }

  /** Without power the panel keeps its picture. */
  private sleep(): void {
    this.commands([SLEEP, 1, 1]);
    const { pause } = this.config;
    setTimeout(
      () => {
        this.isDrawing = false;
        if (this.isStale) this.begin();
      },
      (pause === undefined ? PAUSE_SECONDS : pause) * 1000,
    );
  }

  private whenReady(polls: number, next: () => void): void {
    setTimeout(() => {
      if (polls > 0 && digitalRead(boardPin(this.config.busy)) === 1) this.whenReady(polls - 1, next);
      else next();
    }, POLL_MS);
  }

  private commands(list: readonly number[]): void {
    for (let i = 0; i < list.length; ) {
      const count = list[i + 1] as number;
      this.command(list[i] as number);
      this.data(list.slice(i + 2, i + 2 + count));
      i += 2 + count;
    }
  }

  private command(code: number): void {
    this.send(0, code);
  }

  private data(bytes: ArrayBuffer | readonly number[]): void {
    this.send(1, bytes);
  }

  private send(isData: number, bytes: ArrayBuffer | number | readonly number[]): void {
    digitalWrite(boardPin(this.config.dc), isData);
    try {
      SPI1.write(bytes, boardPin(this.config.cs));
    } catch (_thrown) {
      // The bytes are out: interpreter 2v29 reports an error that it never set.
    }
  }
}
