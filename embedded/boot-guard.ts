import type { Timers } from "../coap-api/endpoint/transport.js";
import { type BootDecision, LASTING, NORMAL, PLANNED, SAFE, SOUND, STARTED, TRIAL } from "./boot-journal.js";
import { DEVICE_FULL, DeviceFault, QUARANTINED } from "./device-fault.js";

/** A new firmware has so long to register; milliseconds. */
export const TRIAL_MS = 180_000;
/** After so long a boot is beyond blame. */
const LASTING_MS = 3_600_000;
/** So long a board stays in safe mode before it tries its functions again. */
const SAFE_MS = 600_000;

/** What a boot guard needs of a board. */
export interface GuardedBoard {
  readonly timers: Timers;
  /** Appends to the journal of boots. */
  note(text: string): void;
  /** Starts anew. */
  reboot(): void;
  log(level: number, text: string): void;
}

/**
 * Keeps the journal of a boot while it lasts, so that the next one can tell how this one ended, and keeps functions out that ended
 * boots before.
 */
export class BootGuard {
  readonly decision: BootDecision;
  private readonly board: GuardedBoard;
  private readonly started: string[];
  private isSound: boolean;

  constructor(decision: BootDecision, board: GuardedBoard, trialMs: number) {
    this.decision = decision;
    this.board = board;
    this.started = [];
    this.isSound = false;
    const { timers } = board;
    if (decision.isTrial)
      timers.set(trialMs, () => {
        if (this.isSound) return;
        board.log(1, "the new firmware did not register: back to the old one");
        board.reboot();
      });
    if (decision.mode === SAFE) {
      board.log(1, `safe mode: ${decision.failures} boots in a row ended badly`);
      timers.set(SAFE_MS, () => this.reboot());
    }
    timers.set(LASTING_MS, () => board.note(LASTING));
  }

  /** The device registered at its gateway. */
  registered(): void {
    if (this.isSound) return;
    this.isSound = true;
    this.board.note(SOUND);
  }

  /**
   * A function is about to start.
   * @param digest of its image, 16 hexadecimal digits
   * @throws DeviceFault when it must not
   */
  admit(digest: string): void {
    const { mode, refused } = this.decision;
    if (refused.indexOf(digest) >= 0) throw new DeviceFault(QUARANTINED, "it ended three boots in a row");
    if (mode !== NORMAL) throw new DeviceFault(DEVICE_FULL, "safe mode: boots ended badly");
    if (this.started.indexOf(digest) < 0) {
      this.started.push(digest);
      this.board.note(STARTED + digest);
    }
  }

  /** Tries another slot of firmware from the next boot on. */
  tryFirmware(slot: number): void {
    this.board.note(TRIAL + slot);
  }

  /** Starts anew on purpose. */
  reboot(): void {
    this.board.note(PLANNED);
    this.board.reboot();
  }
}
