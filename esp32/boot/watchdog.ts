/** Name of the file that tells what is known of the watchdog of this board. */
const KNOWN = "edgeless.dog";
/** The board lived on with it. */
const WORKS = "y";
/** It resets the board whatever that does: so it is in some builds of the interpreter. */
const HARMS = "n";

/** Longer than anything that the runtime does at a stretch. */
const SECONDS = 30;
/** A board that lives so long with its watchdog will go on to, milliseconds. */
const PROVED_MS = 120_000;
/** After so many resets in a row that followed on its arming it is left alone. */
const RESETS = 2;
/** Between two starts of a board that kept its power at least, seconds. */
const BETWEEN_SECONDS = 0.3;

/**
 * Arms the watchdog, unless that was found to do harm.
 * @param wasPlanned whether the last boot ended on purpose
 */
export function armWatchdog(wasPlanned: boolean): void {
  const storage = require("Storage");
  const known = storage.read(KNOWN);
  if (known === HARMS) return;
  if (known !== WORKS) {
    let resets = 0;
    // A clock that went on since then tells that the power was not away.
    if (known !== undefined && !wasPlanned && getTime() > parseFloat(known.substr(2)) + BETWEEN_SECONDS)
      resets = parseInt(known, 10);
    if (resets >= RESETS) {
      print("edgeless 2 the watchdog of this interpreter resets the board, and is left off");
      storage.write(KNOWN, HARMS);
      return;
    }
    storage.write(KNOWN, `${resets + 1}:${getTime()}`);
    // No function of its own, which would keep everything around it in memory.
    setTimeout(storage.write, PROVED_MS, KNOWN, WORKS);
  }
  E.enableWatchdog(SECONDS, true);
}
