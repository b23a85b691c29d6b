import {
  type BootDecision,
  CONSOLE,
  decideBoot,
  JOURNAL,
  JOURNAL_BYTES,
  PLANNED,
  POWER_ON,
  PROVED,
  RESET,
  shortJournal,
} from "../../embedded/boot-journal.js";
import { slotName } from "../../embedded/firmware-slot.js";
import { COMPACTED, needsCompaction } from "./compaction.js";
import { joinNetwork } from "./join-network.js";
import { noteInJournal, readJournal } from "./journal.js";
import { armWatchdog } from "./watchdog.js";
import { isWhole } from "./whole-firmware.js";

/** A clock that shows more was kept through a reset: power on starts it at zero; seconds. */
const POWER_ON_SECONDS = 20;
/** The journal is written anew when it has no room for so many characters. */
const SPARE = 256;
/** With the console alone the board waits so long for its owner before it starts over, milliseconds. */
const CONSOLE_MS = 3_600_000;

/**
 * Begins a boot: takes the decision that the journal asks for and leaves it in `edgelessBoot`, with the script that is to run next.
 * Everything here is over before that starts.
 */
export function boot(): void {
  const storage = require("Storage");
  let journal = readJournal();
  const letter = getTime() > POWER_ON_SECONDS ? RESET : POWER_ON;
  const decision = decideBoot(journal, letter === RESET);
  const wasCompacted = journal.charAt(journal.length - 2) === COMPACTED;
  if (journal === "" || journal.length > JOURNAL_BYTES - SPARE) {
    journal = journal === "" ? "" : shortJournal(decision);
    storage.write(JOURNAL, journal + letter, 0, JOURNAL_BYTES);
  } else storage.write(JOURNAL, letter, journal.length, JOURNAL_BYTES);
  edgelessBoot = bootState(decision, journal.length + 1);
  if (decision.mode === CONSOLE) stayWithConsole(decision);
  else if (!decision.isTrial && !wasCompacted && needsCompaction()) compact();
  else {
    // Not while files are moved: that may take longer, and must come to its end.
    armWatchdog(journal.charAt(journal.length - 1) === PLANNED);
    edgelessBoot.script = scriptOf(edgelessBoot);
  }
}

function bootState(decision: BootDecision, at: number): BootState {
  const { mode, slot, isTrial, isBack, refused, failures } = decision;
  return { mode, slot, isTrial, isBack, refused, failures, at, script: "" };
}

/** The script to run: where boots end badly or firmware is new, only one that is whole. */
function scriptOf(state: BootState): string {
  const { slot, isTrial, failures } = state;
  if ((isTrial || failures > 0) && !isWhole(slot)) {
    print("edgeless 1 the firmware is damaged");
    // A trial that ends here is over; the next boot takes the former firmware.
    if (isTrial) setTimeout(() => E.reboot(), 1000);
    if (isTrial) return "";
    if (isWhole(1 - slot)) {
      state.slot = 1 - slot;
      noteInJournal(PROVED + state.slot);
    }
  }
  const script = slotName(state.slot, "edgeless");
  if (require("Storage").read(script) !== undefined) return script;
  print(`edgeless 1 there is no ${script}`);
  return "";
}

/** Moves the files in flash together, from memory and with nothing else to run. */
function compact(): void {
  print("edgeless 3 the flash is tidied up");
  noteInJournal(COMPACTED + PLANNED);
  // A text of its own, which is in memory: this script itself may be moved.
  setTimeout(Function("require('Storage').compact();E.reboot()") as () => void, 100);
}

function stayWithConsole(decision: BootDecision): void {
  print(`edgeless 1 ${decision.failures} boots ended badly: console only`);
  joinNetwork();
  setTimeout(() => {
    require("Storage").write(JOURNAL, shortJournal(decision), 0, JOURNAL_BYTES);
    E.reboot();
  }, CONSOLE_MS);
}
