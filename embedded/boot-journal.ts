/** Name of the journal in flash. It only grows, by a letter or a few at a time, which spares the flash. */
export const JOURNAL = "edgeless.boot";
/** Characters for which the journal has room. */
export const JOURNAL_BYTES = 1024;

/** Letters of the journal, none of which is a hexadecimal digit. A boot begins with one of the first two. */
export const POWER_ON = "o";
/** The board was reset while it had power: by its watchdog, a crash, or on purpose when {@link PLANNED} comes before. */
export const RESET = "w";
export const PLANNED = "p";
/** The runtime did what it is there for: it registered. */
export const SOUND = "h";
/** The boot lasted so long that nobody is to blame for its end. */
export const LASTING = "l";
/** A function was started in this boot; 16 hexadecimal digits of its image follow. */
export const STARTED = "s";
/** An image is not to be started any more; 16 digits follow. */
export const REFUSED = "q";
/** From the next boot on the slot whose digit follows is tried: it stays only if that boot is sound. */
export const TRIAL = "t";
/** The slot whose digit follows has proved to be sound. */
export const PROVED = "v";

/** What a boot is to do. */
export const NORMAL = 0;
/** No functions. */
export const SAFE = 1;
/** Nothing but network and console. */
export const CONSOLE = 2;

/** So many boots in a row that end badly bring blame or safe mode, and so many more the console. */
const FAILURES = 3;
const FAILURES_IN_SAFE_MODE = 3;
const DIGITS = 16;

/** What follows from a journal for the boot that begins now. */
export interface BootDecision {
  /** NORMAL, SAFE or CONSOLE. */
  mode: number;
  /** Slot of the firmware to run, 0 or 1. */
  slot: number;
  /** The slot is tried: unless this boot is sound, the next one goes back to the other slot. */
  isTrial: boolean;
  /** The last trial ended badly. */
  isBack: boolean;
  /** Images that are not started any more, 16 hexadecimal digits each. */
  refused: string[];
  /** Boots in a row that ended badly. */
  failures: number;
}

/**
 * Reads a journal. A boot ends badly when it was not sound, or when a reset that nobody planned ended it, unless it lasted. Functions
 * that were started in each of three such boots in a row are to blame; with none to blame, functions stay out.
 * @param journal up to, and without, the letter of the boot that begins now
 * @param isReset whether that letter is RESET
 */
export function decideBoot(journal: string, isReset: boolean): BootDecision {
  let slot = 0;
  let trial = -1;
  let next = -1;
  let isTrying = false;
  let isBack = false;
  let failures = 0;
  let runs = false;
  let isGood = false;
  let isLasting = false;
  let started: string[] = [];
  let suspects: string[] = [];
  let refused: string[] = [];
  const text = journal + (isReset ? RESET : POWER_ON);
  for (let i = 0; i < text.length; i++) {
    const letter = text.charAt(i);
    if (letter === POWER_ON || letter === RESET) {
      if (isTrying) {
        isBack = !isGood;
      } else if (runs && !isLasting && (!isGood || letter === RESET)) {
        failures++;
        suspects = failures === 1 ? started : common(suspects, started);
        if (failures === FAILURES && suspects.length > 0) {
          refused = refused.concat(suspects);
          failures = 0;
        }
      } else failures = 0;
      isTrying = next >= 0;
      trial = next;
      next = -1;
      runs = true;
      isGood = false;
      isLasting = false;
      started = [];
    } else if (letter === SOUND) {
      isGood = true;
      if (isTrying) slot = trial;
    } else if (letter === LASTING || letter === PLANNED) isLasting = true;
    else if (letter === TRIAL || letter === PROVED) {
      const digit = text.charCodeAt(i + 1) - 48;
      if (digit !== 0 && digit !== 1) continue;
      i++;
      if (letter === TRIAL) {
        next = digit;
        failures = 0;
        isBack = false;
        // What the new firmware does is not the old one's fault.
        refused = [];
      } else slot = digit;
    } else if (letter === STARTED || letter === REFUSED) {
      const digits = text.substr(i + 1, DIGITS);
      // The power may go while digits are written; then the next boot begins in their place.
      const end = Math.max(digits.indexOf(POWER_ON), digits.indexOf(RESET));
      if (end < 0) (letter === STARTED ? started : refused).push(digits);
      i += end < 0 ? DIGITS : end;
    }
  }
  const isConsole = failures >= FAILURES + FAILURES_IN_SAFE_MODE;
  return {
    mode: isConsole ? CONSOLE : failures >= FAILURES ? SAFE : NORMAL,
    slot: isTrying ? trial : slot,
    isTrial: isTrying,
    isBack,
    refused,
    failures,
  };
}

/** The shortest journal that says the same about slots and images; failures are forgotten. */
export function shortJournal(decision: BootDecision): string {
  let text = PROVED + (decision.isTrial ? 1 - decision.slot : decision.slot);
  for (let i = 0; i < decision.refused.length; i++) text += REFUSED + decision.refused[i];
  return decision.isTrial ? `${text}${TRIAL}${decision.slot}` : text;
}

function common(a: string[], b: string[]): string[] {
  return a.filter((item) => b.indexOf(item) >= 0);
}
