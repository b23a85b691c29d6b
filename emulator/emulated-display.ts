import type { TextDisplay } from "../embedded/hardware.js";

/** A display whose text can be looked at. */
export class EmulatedDisplay implements TextDisplay {
  /** What it shows; stays without power, as on electronic paper. */
  text = "";
  /** How often it was drawn. */
  draws = 0;
  /** Told of each new text. */
  onShow: ((text: string) => void) | undefined;

  show(text: string): void {
    this.text = text;
    this.draws++;
    this.onShow?.(text);
  }
}
