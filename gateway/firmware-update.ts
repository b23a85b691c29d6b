import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { formatCode, isSuccess, POST, PUT } from "../coap-api/coap/codes.js";
import type { Message } from "../coap-api/coap/message.js";
import type { OutgoingRequest } from "../coap-api/endpoint/exchange.js";
import { decodeDiagnostic } from "../coap-api/operations/diagnostic.js";
import {
  encodeFirmwareManifest,
  encodeFirmwarePart,
  type RunningFirmware,
} from "../coap-api/operations/firmware.js";
import { WireFault } from "../coap-api/wire-fault.js";
import type { Clock, Timer } from "../core/clock.js";
import { ERRORS } from "../core/errors.js";
import type { Work } from "./device-link.js";
import { deviceReason } from "./device-reason.js";
import type { Firmware, UpdateRecord, UpdateState } from "./update-record.js";

/** Bytes of a file in one datagram, which keeps it below 512. */
const PART_BYTES = 400;
/** A file is begun again so often when the device says that a part of it is missing. */
const RESTARTS = 3;
/** An update may take so long, and the trial as a part of it, milliseconds. */
const UPDATE_MS = 1_800_000;
const TRIAL_MS = 420_000;
const AWAY = "the device did not come back";

/**
 * Brings a firmware to one device: part by part, whenever the link has nothing else to do, then the trial, whose outcome the next
 * registrations tell. The device keeps its former firmware until the new one has registered.
 */
export class FirmwareUpdate {
  readonly version: string;
  state: UpdateState;
  /** Why it failed; else empty. */
  reason: string;
  sentBytes = 0;
  readonly totalBytes: number;
  readonly #clock: Clock;
  readonly #changed: () => void;
  #files: Firmware["files"];
  /** Of the boot that runs without the new firmware. */
  #bootNonce: number;
  #timer: Timer | undefined;
  #file = 0;
  #at = 0;
  #restarts = 0;

  /**
   * Begins an update, or goes on with one of a former life: with its first file, because the device may have lost what it had.
   * @param changed told when the update reached another state
   */
  constructor(record: UpdateRecord, clock: Clock, changed: () => void) {
    this.version = record.version;
    this.state = record.state;
    this.reason = record.reason;
    this.totalBytes = record.totalBytes;
    this.#files = record.files;
    this.#bootNonce = record.bootNonce;
    this.#clock = clock;
    this.#changed = changed;
    if (this.state !== "sending") this.sentBytes = this.totalBytes;
    if (this.state === "sending") this.#failIn(UPDATE_MS, "it took too long");
    else if (this.state === "trial") this.#failIn(TRIAL_MS, AWAY);
  }

  /** What is kept of it. */
  get record(): UpdateRecord {
    const { version, state, reason, totalBytes } = this;
    return { version, state, reason, totalBytes, bootNonce: this.#bootNonce, files: this.#files };
  }

  get isOver(): boolean {
    return this.state === "done" || this.state === "failed";
  }

  /** The next request; undefined when there is none now. */
  next(): Work | undefined {
    if (this.state !== "sending") return undefined;
    const { version } = this;
    const files = this.#files;
    const file = files[this.#file];
    if (file !== undefined) return this.#part(file.name, file.content);
    const payload = encodeFirmwareManifest({
      version,
      files: files.map(({ name, content }) => ({
        name,
        bytes: content.length,
        crc32: crc32(content),
        sha256: createHash("sha256").update(content).digest(),
      })),
    });
    return this.#work({ code: POST, path: "u", payload }, () => {
      this.state = "trial";
      this.#failIn(TRIAL_MS, AWAY);
      this.#changed();
    });
  }

  /** The device registered, and says what it runs. */
  registered(running: RunningFirmware | undefined, bootNonce: number): void {
    if (this.isOver || bootNonce === this.#bootNonce) return;
    this.#bootNonce = bootNonce;
    if (running?.version === this.version) this.#end("done");
    else if (this.state === "trial")
      this.#fail(`the device went back to its former firmware ${running?.version ?? ""}`.trimEnd());
    else this.#begin(0);
  }

  /** Nobody waits for it any more. */
  close(): void {
    this.#timer?.cancel();
  }

  #failIn(delayMs: number, reason: string): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fail(reason));
  }

  #part(name: string, content: Uint8Array): Work {
    const at = this.#at;
    const bytes = content.subarray(at, at + PART_BYTES);
    const payload = encodeFirmwarePart({ at, total: content.length, bytes });
    return this.#work({ code: PUT, path: `u/${name}`, payload }, () => {
      this.#at += bytes.length;
      this.sentBytes += bytes.length;
      if (this.#at >= content.length) this.#begin(this.#file + 1);
    });
  }

  #work(request: OutgoingRequest, done: () => void): Work {
    return {
      request,
      done: (response) => {
        if (this.state !== "sending") return undefined;
        // Without an answer the same request comes again after the pause of the link.
        if (response === undefined) return undefined;
        if (isSuccess(response.code)) done();
        else this.#refused(response);
        return undefined;
      },
    };
  }

  #refused(response: Message): void {
    const { error, reason } = diagnosticOf(response);
    const isDamaged = error === ERRORS.EDGELESS_UPDATE_DAMAGED.number;
    if (isDamaged && this.#restarts++ < RESTARTS) this.#begin(0);
    else
      this.#fail(
        error === 0
          ? `the device does not take firmware (${formatCode(response.code)})`
          : deviceReason(`${error} ${reason}`),
      );
  }

  /** Goes on with a file from its beginning. */
  #begin(file: number): void {
    this.#file = file;
    this.#at = 0;
    const sent = this.#files.slice(0, file);
    this.sentBytes = sent.reduce((sum, { content }) => sum + content.length, 0);
  }

  #fail(reason: string): void {
    this.reason = reason;
    this.#end("failed");
  }

  #end(state: UpdateState): void {
    this.state = state;
    this.#files = [];
    this.#timer?.cancel();
    this.#changed();
  }
}

function diagnosticOf({ payload }: Message): { readonly error: number; readonly reason: string } {
  try {
    return decodeDiagnostic(payload);
  } catch (fault) {
    if (fault instanceof WireFault) return { error: 0, reason: "" };
    throw fault;
  }
}
