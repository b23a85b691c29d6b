import { createContext, runInContext } from "node:vm";
import type { TranslatedImage } from "../embedded/translated-guest.js";
import { RecentMap } from "../platform/recent-map.js";

/** Evaluated functions that are kept. */
const CAPACITY = 256;

/** What a board's interpreter has of the things that a translated function may use. */
const GLOBALS = {
  atob,
  ArrayBuffer,
  DataView,
  Float32Array,
  Float64Array,
  Int32Array,
  Uint16Array,
  Uint8Array,
  Math: { ceil: Math.ceil, floor: Math.floor, sqrt: Math.sqrt },
};

/** Names that a context cannot do without. */
const KEPT = ["Array", "Function", "Number", "Object", "String", "undefined", "NaN", "Infinity"];

/** Leaves out every other global of the context. */
const REMOVE_OTHERS = `(function(keep){
  for (const name of Object.getOwnPropertyNames(this)) if (!keep.includes(name)) delete this[name];
})`;

/**
 * Where emulated boards evaluate translated functions: JavaScript with nothing around it but what a board's interpreter
 * has. A text is evaluated once; what it is called with keeps the guests apart.
 */
export class BoardContext {
  readonly #context = createContext({ ...GLOBALS });
  readonly #images = new RecentMap<string, TranslatedImage>(CAPACITY);

  constructor() {
    const keep = [...Object.keys(GLOBALS), ...KEPT];
    (runInContext(REMOVE_OTHERS, this.#context) as (keep: readonly string[]) => void)(keep);
  }

  /** The value of a translated function's text. Throws a SyntaxError, of the context, for what is none. */
  evaluate(text: string): TranslatedImage {
    const known = this.#images.get(text);
    if (known !== undefined) return known;
    const image = runInContext(text, this.#context) as TranslatedImage;
    this.#images.set(text, image);
    return image;
  }
}
