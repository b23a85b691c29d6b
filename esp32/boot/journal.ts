import { JOURNAL, JOURNAL_BYTES } from "../../embedded/boot-journal.js";

/** What flash memory has where nothing was written. */
const ERASED = "\xff";

/** The journal of boots, as far as it is written. */
export function readJournal(): string {
  const text = require("Storage").read(JOURNAL);
  if (text === undefined) return "";
  const end = text.indexOf(ERASED);
  return end < 0 ? text : text.slice(0, end);
}

/** Appends to the journal; what has no room is left out. */
export function noteInJournal(text: string): void {
  if (edgelessBoot === undefined || edgelessBoot.at + text.length > JOURNAL_BYTES) return;
  require("Storage").write(JOURNAL, text, edgelessBoot.at, JOURNAL_BYTES);
  edgelessBoot.at += text.length;
}
