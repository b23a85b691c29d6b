import { EdgelessError } from "../../core/errors.js";

/** While text is written, every name is one private character, so that lengths count as in the finished text. */
const FIRST_GLOBAL = 0xe000;
const MAX_GLOBALS = 0x1800;
const FIRST_SLOT = 0x1000;
const MAX_SLOTS = 0xc000;

/** From here on slots are locals of functions that are written where they are called. */
export const FIRST_INLINED_SLOT = 0x4000;

/** The stand-in of the local that says which construct is being left. */
export const EXIT_NAME: string = String.fromCharCode(FIRST_SLOT + MAX_SLOTS - 1);

/** Names of the text outside functions. */
export class GlobalNames {
  readonly #characters = new Map<string, string>();

  /** The stand-in of a name, the same for the same key. Throws EDGELESS_WASM_TOO_LARGE. */
  of(key: string): string {
    const known = this.#characters.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#characters.size >= MAX_GLOBALS) {
      throw new EdgelessError(
        "EDGELESS_WASM_TOO_LARGE",
        `the function has more than ${MAX_GLOBALS} functions and globals, which no board can hold`,
      );
    }
    const character = String.fromCharCode(FIRST_GLOBAL + this.#characters.size);
    this.#characters.set(key, character);
    return character;
  }

  /** How often the name of a key is in a text, by stand-in. */
  static counts(text: string): ReadonlyMap<string, number> {
    return countCharacters(text, FIRST_GLOBAL, MAX_GLOBALS);
  }

  /** The text with short names, the shortest for what comes most often. */
  static shorten(text: string): string {
    return shorten(text, GlobalNames.counts(text), GLOBAL_LETTERS);
  }
}

/** The stand-in of a local of a function. Throws EDGELESS_WASM_TOO_LARGE. */
export function slotName(slot: number): string {
  if (slot >= MAX_SLOTS - 1) {
    throw new EdgelessError("EDGELESS_WASM_TOO_LARGE", `a function has more than ${MAX_SLOTS} locals`);
  }
  return String.fromCharCode(FIRST_SLOT + slot);
}

/** The text with the locals of a function that is written into another one: with numbers from `first`, or other text. */
export function shiftSlots(text: string, first: number, known: ReadonlyMap<number, string>): string {
  let out = "";
  for (const character of text) {
    const slot = character.charCodeAt(0) - FIRST_SLOT;
    const isOwn = slot >= 0 && slot < FIRST_INLINED_SLOT;
    out += isOwn ? (known.get(slot) ?? slotName(first + slot)) : character;
  }
  return out;
}

/** One more than the highest number of a function's own locals in a text. */
export function slotsIn(text: string): number {
  let most = 0;
  for (const character of slotCounts(text).keys()) {
    const slot = character.charCodeAt(0) - FIRST_SLOT;
    if (slot < FIRST_INLINED_SLOT) {
      most = Math.max(most, slot + 1);
    }
  }
  return most;
}

/** How often each slot is in a text, by stand-in. */
export function slotCounts(text: string): ReadonlyMap<string, number> {
  return countCharacters(text, FIRST_SLOT, MAX_SLOTS);
}

/** The text with short names of locals. */
export function shortenSlots(text: string): string {
  return shorten(text, slotCounts(text), LOCAL_LETTERS);
}

const LOCAL_LETTERS = "abcdefghijklmnopqrstuvwxyz";
const GLOBAL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ$_";
const DIGITS = "0123456789";

/** Letters first, then letters with digits: never a word of the language, never the same inside and outside functions. */
function shortName(index: number, letters: string): string {
  let name = letters.charAt(index % letters.length);
  for (
    let rest = Math.floor(index / letters.length);
    rest > 0;
    rest = Math.floor((rest - 1) / DIGITS.length)
  ) {
    name += DIGITS.charAt((rest - 1) % DIGITS.length);
  }
  return name;
}

function countCharacters(text: string, first: number, count: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) - first;
    if (code >= 0 && code < count) {
      const character = text.charAt(at);
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  return counts;
}

function shorten(text: string, counts: ReadonlyMap<string, number>, letters: string): string {
  const order = [...counts].sort(([, left], [, right]) => right - left);
  const names = new Map(order.map(([character], index) => [character, shortName(index, letters)]));
  let out = "";
  for (const character of text) {
    out += names.get(character) ?? character;
  }
  return out;
}
