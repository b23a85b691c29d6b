/** A bar on a terminal that shows how far something is; silent where there is no terminal. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  #shown = "";

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** @param total 0 when it is unknown */
  show(what: string, done: number, total: number): void {
    if (!this.#stream.isTTY) return;
    const part = total === 0 ? 0 : Math.min(1, done / total);
    const cells = Math.round(part * 24);
    const amount = total === 0 ? `${Math.round(done / 1024)} KiB` : `${Math.floor(part * 100)} %`;
    this.#write(`[${"#".repeat(cells)}${" ".repeat(24 - cells)}] ${amount.padStart(5)} ${what}`);
  }

  /** Removes the bar, so that something else can be printed. */
  clear(): void {
    if (this.#shown !== "") this.#write("");
  }

  #write(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    this.#stream.write(`\r\u001b[K${text}`);
  }
}
