import { RUNTIME_JS } from "../coap-api/operations/register.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError, type ErrorCode, reasonOf } from "../core/errors.js";
import { LATE, withDeadline } from "../platform/deadline.js";
import { sha256 } from "../toolchain/image/digest.js";
import type { ImageWorkers } from "../toolchain/image-worker/image-workers.js";
import type { DeviceImage, WantedImage } from "./device-image.js";
import type { ImageOutcome, OutcomeCache } from "./outcome-cache.js";

/** For the metrics: what came of a request for an image. */
export type ImageCount = "made" | "remembered" | "refused" | "late";

/** What an {@link ImageWorkshop} works with. */
export interface WorkshopParts {
  readonly workers: Pick<ImageWorkers, "run">;
  /** For modules that nobody waits to start; the same unless given. */
  readonly patientWorkers?: Pick<ImageWorkers, "run">;
  /** Real time: the workers have no other. */
  readonly clock: Clock;
  /** Longest that somebody waits for a module, the modules before it included, milliseconds. */
  readonly waitMs: number;
  /** What came of modules. */
  readonly known: OutcomeCache;
  readonly counted: (count: ImageCount) => void;
}

/** Size of a page of linear memory. */
const PAGE_BYTES = 65_536;
/** On a board's interpreter, where the text stays in flash: a function takes 8 variables of 14 bytes, a guest 40. */
const FUNCTION_BYTES = 8 * 14;
const GUEST_BYTES = 40 * 14;
/** How long it is remembered that a module took too long: the machine may have been busy. */
const TIMEOUT_MS = 60_000;
/** What says nothing about the module. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["EDGELESS_REJECTED", "EDGELESS_INTERNAL"]);

/**
 * Has modules checked, and translated for devices without an engine for WebAssembly, on other threads. What came of a
 * module is remembered, and several devices that need it at a time share one turn.
 */
export class ImageWorkshop {
  readonly #parts: WorkshopParts;
  readonly #underWay = new Map<string, Promise<ImageOutcome>>();

  constructor(parts: WorkshopParts) {
    this.#parts = parts;
  }

  /**
   * Makes what a device is sent of a module.
   * @param isPatient nobody waits to start it, and those who do are not to wait for it
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI, EDGELESS_WASM_TOO_LARGE; EDGELESS_TIMEOUT;
   * EDGELESS_REJECTED when too many modules wait
   */
  async make(wanted: WantedImage, isPatient = false): Promise<DeviceImage> {
    const { clock, waitMs, counted, known: cache } = this.#parts;
    const key = `${sha256(wanted.wasm)} ${wanted.runtime} ${wanted.maxMemoryBytes}`;
    const known = cache.get(key, clock.monotonicMs());
    if (known !== undefined) counted("remembered");
    const outcome = known ?? (await withDeadline(clock, waitMs, this.#share(key, wanted, isPatient)));
    if (outcome === LATE) {
      counted("late");
      const reason = `the module was not checked within ${waitMs} ms: the gateway has many to check`;
      throw new EdgelessError("EDGELESS_TIMEOUT", reason);
    }
    if (outcome.error !== undefined) throw outcome.error;
    return outcome.image;
  }

  #share(key: string, wanted: WantedImage, isPatient: boolean): Promise<ImageOutcome> {
    const underWay = this.#underWay.get(key) ?? this.#outcomeOf(key, wanted, isPatient);
    this.#underWay.set(key, underWay);
    return underWay;
  }

  async #outcomeOf(key: string, wanted: WantedImage, isPatient: boolean): Promise<ImageOutcome> {
    const { clock, counted, known, workers, patientWorkers = workers } = this.#parts;
    const outcome = await attempt(wanted, isPatient ? patientWorkers : workers);
    this.#underWay.delete(key);
    counted(outcome.error === undefined ? "made" : "refused");
    const code = outcome.error?.code;
    if (code === undefined || !PASSING.has(code)) {
      const isLate = code === "EDGELESS_TIMEOUT";
      known.set(key, outcome, isLate ? clock.monotonicMs() + TIMEOUT_MS : Number.POSITIVE_INFINITY);
    }
    return outcome;
  }
}

async function attempt(wanted: WantedImage, workers: WorkshopParts["workers"]): Promise<ImageOutcome> {
  try {
    const image = await (wanted.runtime === RUNTIME_JS ? translate(wanted, workers) : check(wanted, workers));
    return { image };
  } catch (error) {
    if (error instanceof EdgelessError) return { error };
    return { error: new EdgelessError("EDGELESS_INTERNAL", reasonOf(error), error) };
  }
}

async function check(
  { wasm, maxMemoryBytes }: WantedImage,
  workers: WorkshopParts["workers"],
): Promise<DeviceImage> {
  const limits = { maxMemoryPages: Math.max(1, Math.floor(maxMemoryBytes / PAGE_BYTES)) };
  const { image } = await workers.run({ kind: "prepare", wasm, limits });
  const memoryBytes = (image.info.memory?.minPages ?? 0) * PAGE_BYTES;
  return { bytes: wasm.slice(), digest: image.digest, memoryBytes, neededBytes: memoryBytes };
}

async function translate(
  { wasm, maxMemoryBytes }: WantedImage,
  workers: WorkshopParts["workers"],
): Promise<DeviceImage> {
  const { code, memoryBytes } = await workers.run({ kind: "translate", wasm, maxMemoryBytes });
  const bytes = new TextEncoder().encode(code);
  const functions = code.split("=>").length - 1;
  const neededBytes = memoryBytes + GUEST_BYTES + functions * FUNCTION_BYTES;
  return { bytes, digest: sha256(bytes), memoryBytes, neededBytes };
}
