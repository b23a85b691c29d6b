import type { TranslatedImage } from "../../embedded/translated-guest.js";

/** Evaluates the text of a translated function. */
export function evaluateTranslated(text: string): TranslatedImage {
  return new Function(`"use strict";return ${text}`)() as TranslatedImage;
}
