import { Script } from "node:vm";
import { crc32 } from "node:zlib";
import { BootGuard, type GuardedBoard, TRIAL_MS } from "../embedded/boot-guard.js";
import {
  type BootDecision,
  CONSOLE,
  decideBoot,
  JOURNAL,
  JOURNAL_BYTES,
  POWER_ON,
  RESET,
  shortJournal,
} from "../embedded/boot-journal.js";
import { slotName } from "../embedded/firmware-slot.js";
import type { FirmwareBoard } from "../embedded/hardware.js";
import type { EmulatedFlash } from "./flash.js";

/** The journal is written anew when it has no room for so many characters. */
const SPARE = 256;

/** What begins an emulated board's boot: the same decision as on a board, from the same journal. */
export class EmulatedBoot {
  readonly decision: BootDecision;
  readonly #flash: EmulatedFlash;

  /** @param isReset whether it had power all the time */
  constructor(flash: EmulatedFlash, isReset: boolean) {
    this.#flash = flash;
    const journal = flash.readText(JOURNAL) ?? "";
    this.decision = decideBoot(journal, isReset);
    const isLong = journal.length > JOURNAL_BYTES - SPARE;
    this.#write((isLong ? shortJournal(this.decision) : journal) + (isReset ? RESET : POWER_ON));
  }

  /**
   * Whether the runtime starts at all. An emulated board does not run the scripts of a firmware, but one that is no script
   * starts here no more than on a board.
   */
  get starts(): boolean {
    const { mode, slot } = this.decision;
    if (mode === CONSOLE) return false;
    const script = this.#flash.readText(slotName(slot, "edgeless"));
    if (script === undefined) return true;
    try {
      new Script(script);
      return true;
    } catch {
      return false;
    }
  }

  /** What the runtime needs to keep the journal and to take updates. */
  firmware(board: Omit<GuardedBoard, "note">): FirmwareBoard {
    const note = (text: string) => this.#note(text);
    const flash = this.#flash;
    return {
      version: "emulated",
      guard: new BootGuard(this.decision, { ...board, note }, TRIAL_MS),
      crc32: (name) => crc32(flash.read(name) ?? new Uint8Array(0)),
    };
  }

  #note(text: string): void {
    const journal = (this.#flash.readText(JOURNAL) ?? "") + text;
    if (journal.length <= JOURNAL_BYTES) this.#write(journal);
  }

  #write(journal: string): void {
    this.#flash.write(JOURNAL, Buffer.from(journal, "latin1"));
  }
}
