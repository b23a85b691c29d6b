/** What drivers use of the interpreter of a board, as far as they use it (espruino.com/Reference). */

/** The pin of a name, which is a number too; undefined when the board has none of that name. */
declare function Pin(name: string): BoardPin | undefined;

declare function pinMode(pin: BoardPin, mode: string): void;
declare function digitalRead(pin: BoardPin): number;
declare function digitalWrite(pin: BoardPin, level: number): void;
/** 0 to 1; not a number when the pin has no converter. */
declare function analogRead(pin: BoardPin): number;
declare function analogWrite(pin: BoardPin, part: number, options: { freq: number }): void;
declare function setWatch(
  changed: (event: { state: boolean }) => void,
  pin: BoardPin,
  options: { repeat: boolean; edge: string },
): number;
declare function clearWatch(watch: number): void;
declare function setTimeout<Values extends readonly unknown[]>(
  work: (...values: Values) => void,
  delayMs: number,
  ...values: Values
): number;
/** Seconds, with fractions. */
declare function getTime(): number;

/** An I2C controller of the board. Both transfers throw when nothing acknowledges. */
interface BoardI2c {
  setup(options: { sda: BoardPin; scl: BoardPin; bitrate: number }): void;
  writeTo(address: number, bytes: Uint8Array): void;
  readFrom(address: number, count: number): Uint8Array;
}
declare const I2C1: BoardI2c;
declare const I2C2: BoardI2c;

/** An SPI controller of the board. */
interface BoardSpi {
  setup(options: { sck: BoardPin; mosi: BoardPin; baud: number }): void;
  /** Sends, while `select` is low. */
  write(bytes: ArrayBuffer | number | readonly number[], select: BoardPin): void;
}
declare const SPI1: BoardSpi;

/** A picture in memory. Drawing outside of it does nothing. */
interface BoardGraphics {
  readonly buffer: ArrayBuffer;
  setRotation(quarters: number): BoardGraphics;
  setFont(name: string, scale: number): BoardGraphics;
  setColor(color: number): BoardGraphics;
  setBgColor(color: number): BoardGraphics;
  clear(): BoardGraphics;
  wrapString(text: string, width: number): string[];
  drawString(text: string, x: number, y: number): BoardGraphics;
}
declare const Graphics: {
  createArrayBuffer(width: number, height: number, bits: number, options: { msb: boolean }): BoardGraphics;
};

/** A pin as the interpreter has it. */
type BoardPin = number & { readonly boardPin: never };
