import { type BodySink, FITS } from "../coap-api/block/body.js";
import { CborWriter } from "../coap-api/cbor/cbor-writer.js";
import {
  BAD_REQUEST,
  CHANGED,
  CONTENT,
  CREATED,
  DELETE,
  DELETED,
  FORBIDDEN,
  GET,
  INTERNAL_SERVER_ERROR,
  METHOD_NOT_ALLOWED,
  NOT_FOUND,
  POST,
  PUT,
  REQUEST_ENTITY_TOO_LARGE,
  SERVICE_UNAVAILABLE,
  UNSUPPORTED_CONTENT_FORMAT,
} from "../coap-api/coap/codes.js";
import { CBOR, isStrangeFormat, LINKS_FORMAT } from "../coap-api/coap/content-formats.js";
import type { Message } from "../coap-api/coap/message.js";
import type { IncomingRequest, Reply } from "../coap-api/endpoint/request-server.js";
import { NOTHING } from "../coap-api/nothing.js";
import { encodeDiagnostic } from "../coap-api/operations/diagnostic.js";
import { CALL, CAST, decodeDownlinkEvent, NONE } from "../coap-api/operations/event.js";
import { CRASHED } from "../coap-api/operations/instance-state.js";
import { decodeOutputs } from "../coap-api/operations/outputs.js";
import { FUNCTION, RESOURCE } from "../coap-api/operations/register.js";
import { decodeStartFunction } from "../coap-api/operations/start-function.js";
import { decodeStartResource } from "../coap-api/operations/start-resource.js";
import { encodeStatus } from "../coap-api/operations/status.js";
import { utf8Bytes } from "../coap-api/utf8.js";
import { WireFault } from "../coap-api/wire-fault.js";
import type { Device } from "./device.js";
import { EVENTS_RECEIVED } from "./device-counters.js";
import {
  BAD_MESSAGE,
  BAD_WASM,
  DEVICE_FULL,
  DeviceFault,
  faultOf,
  IMAGE_NOT_HELD,
  IMAGE_TOO_LARGE,
  INTERNAL,
  UNKNOWN_CLASS,
  UNKNOWN_INSTANCE,
} from "./device-fault.js";
import type { Engine } from "./engine.js";
import { startFirmwareTrial, storeFirmwarePart } from "./firmware-update.js";
import { FunctionInstance } from "./function-instance.js";
import type { Hardware } from "./hardware.js";
import { bytesToHex } from "./hex.js";
import { ALREADY_THERE, DAMAGED, type ImageStore, isDigest, NO_ROOM } from "./image-store.js";
import type { Instance } from "./instance.js";
import { ResourceInstance } from "./resource-instance.js";
import type { DeviceResourceProvider } from "./resource-provider.js";
import type { Switchboard } from "./switchboard.js";

/** Answer to `GET /.well-known/core` (RFC 6690). */
const LINKS = "</i>;ct=60,</f>,</r>,</e>,</s>;obs;ct=60,</x>";
/** Heads of CBOR (RFC 8949 section 3): a list of three, a byte string, the most that is part of a head, and one byte behind it. */
const CAST_HEAD = 0x83;
const BYTES_HEAD = 0x40;
const MOST_IN_HEAD = 23;
const NEXT_BYTE = 24;
/** Start of the paths of images. */
const IMAGES = "i/";
/** Seconds after which a full mailbox, or a full queue of events to the gateway, is worth another try. */
const FULL_PAUSE = 1;
/** Milliseconds from one look for room for an event to the next: all in all less than the delay of an acknowledgement. */
const LOOKS_MS = [20, 50, 80];

/** Answers with a code; the diagnostic goes along when there is one. */
type Answer = (code: number, fault?: DeviceFault) => void;

/** Carries out the requests of the gateway as `docs/coap-api.md` describes them. */
export class Requests {
  private readonly board: Switchboard;
  private readonly images: ImageStore;
  private readonly engines: Engine[];
  private readonly providers: DeviceResourceProvider[];
  private readonly hardware: Hardware;
  private readonly device: Device;

  constructor(
    board: Switchboard,
    images: ImageStore,
    engines: Engine[],
    providers: DeviceResourceProvider[],
    hardware: Hardware,
    device: Device,
  ) {
    this.board = board;
    this.images = images;
    this.engines = engines;
    this.providers = providers;
    this.hardware = hardware;
    this.device = device;
  }

  /**
   * Carries out one request; whatever is wrong with it becomes an answer. Both wait for turns of their own: a board has room for few
   * calls inside each other, and those of the message layer, or of what was carried out, are over by then.
   */
  handle(request: IncomingRequest, reply: Reply): void {
    const { timers } = this.board;
    const replyLater: Reply = (code, payload, options) => {
      timers.set(0, () => reply(code, payload, options));
    };
    timers.set(0, () => this.carryOut(request, replyLater, 0));
  }

  /** @param looks how often there was no room for this event */
  private carryOut(request: IncomingRequest, reply: Reply, looks: number): void {
    const answer: Answer = (code, fault) => {
      if (fault === undefined) reply(code, NOTHING);
      else reply(code, encodeDiagnostic(fault), { contentFormat: CBOR });
    };
    try {
      if (isStrangeFormat(request.message)) answer(UNSUPPORTED_CONTENT_FORMAT);
      else if (request.path !== "e") this.dispatch(request, reply, answer);
      else if (request.code !== POST) answer(METHOD_NOT_ALLOWED);
      else if (!this.event(request.payload, reply, looks < LOOKS_MS.length))
        this.board.timers.set(LOOKS_MS[looks] as number, () => this.carryOut(request, reply, looks + 1));
    } catch (thrown) {
      if (thrown instanceof WireFault) answer(BAD_REQUEST, new DeviceFault(BAD_MESSAGE, thrown.toString()));
      else if (thrown instanceof DeviceFault)
        answer(thrown.error === DEVICE_FULL ? SERVICE_UNAVAILABLE : BAD_REQUEST, thrown);
      else answer(INTERNAL_SERVER_ERROR, faultOf(thrown, INTERNAL));
    }
  }

  private dispatch(request: IncomingRequest, reply: Reply, answer: Answer): void {
    const { code, path, payload } = request;
    const slash = path.indexOf("/");
    const root = slash < 0 ? path : path.slice(0, slash);
    const rest = slash < 0 ? "" : path.slice(slash + 1);
    if (root === "f" || root === "r") {
      const kind = root === "f" ? FUNCTION : RESOURCE;
      if (rest === "") {
        if (code !== POST) answer(METHOD_NOT_ALLOWED);
        else if (kind === FUNCTION) this.startFunction(payload, reply, answer);
        else this.startResource(payload, reply, answer);
      } else if (code === PUT) this.patch(kind, rest, payload, answer);
      else if (code === DELETE) this.stop(kind, rest, answer);
      else answer(METHOD_NOT_ALLOWED);
    } else if (root === "u") this.update(code, rest, payload, answer);
    else if (root === "i") this.image(code, rest, payload, reply, answer);
    else if (path === "s") {
      if (code === GET)
        reply(CONTENT, encodeStatus(this.device.status()), { observable: true, contentFormat: CBOR });
      else answer(METHOD_NOT_ALLOWED);
    } else if (path === "x") {
      if (code === POST) this.device.reset();
      answer(code === POST ? CHANGED : METHOD_NOT_ALLOWED);
    } else if (path === ".well-known/core") {
      if (code === GET) reply(CONTENT, utf8Bytes(LINKS), { contentFormat: LINKS_FORMAT });
      else answer(METHOD_NOT_ALLOWED);
    } else answer(NOT_FOUND);
  }

  /**
   * Takes a cast to a function straight from the datagram; see `QuickPost`. The function runs in its next turn, after the answer.
   * @param from where the event starts, as `decodeDownlinkEvent` reads it
   */
  quickEvent(datagram: Uint8Array, from: number): number {
    const { board } = this;
    let at = from + 2;
    let handle = datagram[from + 1] as number;
    if (datagram[from] !== CAST_HEAD) return 0;
    if (handle > MOST_IN_HEAD) {
      if (handle !== NEXT_BYTE) return 0;
      handle = datagram[at++] as number;
    }
    let length = (datagram[at++] as number) - BYTES_HEAD;
    if (length > MOST_IN_HEAD) {
      if (length !== NEXT_BYTE) return 0;
      length = datagram[at++] as number;
    }
    const to = at + length;
    const peer = datagram[to] as number;
    if (!(length >= 0) || to + 1 !== datagram.length || peer > MOST_IN_HEAD) return 0;
    const instance = board.instance(handle);
    if (
      instance === undefined ||
      instance.kind !== FUNCTION ||
      length > board.settings.maxPayloadBytes ||
      board.uplinkFull ||
      !instance.hasRoom() ||
      !board.hasRoomFor(datagram.length)
    )
      return 0;
    board.counters[EVENTS_RECEIVED] = (board.counters[EVENTS_RECEIVED] as number) + 1;
    const payload = datagram.subarray(at, to);
    instance.take({ kind: CAST, payload, peer, from: NONE, stream: NONE });
    return CHANGED;
  }

  /**
   * Takes an event or refuses it. One that finds no room is worth a short wait, since functions are quick: a refusal makes the gateway
   * pause for a second, in which more comes than there is room for.
   * @returns false when it may wait and there is no room now
   */
  private event(payload: Uint8Array, reply: Reply, mayWait: boolean): boolean {
    const { board } = this;
    const event = decodeDownlinkEvent(payload);
    const { kind, stream, peer } = event;
    if (kind > CALL) {
      const known = board.answer(stream, kind, event.payload);
      if (known) board.count(EVENTS_RECEIVED);
      reply(known ? CHANGED : NOT_FOUND, NOTHING);
      return true;
    }
    const instance = board.instance(event.handle);
    const most = board.settings.maxPayloadBytes;
    const isShort = !board.hasRoomFor(payload.length);
    if (instance === undefined || instance.state === CRASHED) reply(NOT_FOUND, NOTHING);
    else if (event.payload.length > most) reply(REQUEST_ENTITY_TOO_LARGE, NOTHING, { size1: most });
    // A function that handled it now could send nothing on.
    else if (isShort || !instance.hasRoom() || (board.uplinkFull && instance.kind === FUNCTION)) {
      // Waiting takes memory, and the answer to a call may come behind this event.
      if (mayWait && !isShort && instance.callStream === NONE) return false;
      reply(SERVICE_UNAVAILABLE, NOTHING, { maxAge: FULL_PAUSE });
    } else {
      board.count(EVENTS_RECEIVED);
      // The gateway does not wait for the handler.
      reply(CHANGED, NOTHING);
      instance.take({ kind, payload: event.payload, peer, from: NONE, stream });
    }
    return true;
  }

  private startFunction(payload: Uint8Array, reply: Reply, answer: Answer): void {
    const { board } = this;
    const start = decodeStartFunction(payload);
    if (this.isRunning(start.functionId, FUNCTION, reply)) return;
    const digest = bytesToHex(start.digest);
    this.needRoom();
    const { firmware } = this.hardware;
    if (firmware !== undefined) firmware.guard.admit(digest);
    const runtime = this.images.use(digest);
    if (runtime === undefined) {
      answer(NOT_FOUND, new DeviceFault(IMAGE_NOT_HELD, `image ${digest} is not held`));
      return;
    }
    const instance = new FunctionInstance(
      board,
      board.freeHandle(),
      start,
      this.engineFor(runtime),
      this.images,
    );
    board.instances.push(instance);
    board.changed(instance);
    reply(CREATED, NOTHING, { locationPath: `f/${instance.handle}` });
  }

  private startResource(payload: Uint8Array, reply: Reply, answer: Answer): void {
    const { board, providers } = this;
    const start = decodeStartResource(payload);
    if (this.isRunning(start.resourceId, RESOURCE, reply)) return;
    this.needRoom();
    for (let i = 0; i < providers.length; i++) {
      const provider = providers[i] as DeviceResourceProvider;
      if (provider.classType !== start.classType) continue;
      const instance = new ResourceInstance(board, board.freeHandle(), start, provider);
      board.instances.push(instance);
      board.changed(instance);
      reply(CREATED, NOTHING, { locationPath: `r/${instance.handle}` });
      return;
    }
    answer(NOT_FOUND, new DeviceFault(UNKNOWN_CLASS, `no resource class ${start.classType}`));
  }

  /** True, and answered, when the instance runs already: the gateway asks again. One that crashed makes room. */
  private isRunning(id: Uint8Array, kind: number, reply: Reply): boolean {
    const { board } = this;
    const known = board.byId(id);
    if (known === undefined) return false;
    if (known.state === CRASHED || known.kind !== kind) {
      board.remove(known);
      return false;
    }
    reply(CREATED, NOTHING, { locationPath: `${kind === FUNCTION ? "f" : "r"}/${known.handle}` });
    return true;
  }

  /** @throws DeviceFault when the device runs as many instances as it can */
  private needRoom(): void {
    const { instances, settings } = this.board;
    if (instances.length >= settings.maxInstances)
      throw new DeviceFault(DEVICE_FULL, `${instances.length} instances run, ${settings.maxInstances} may`);
  }

  /** @throws DeviceFault when no engine runs such images */
  private engineFor(runtime: number): Engine {
    for (let i = 0; i < this.engines.length; i++) {
      const engine = this.engines[i] as Engine;
      if (engine.runtime === runtime) return engine;
    }
    throw new DeviceFault(BAD_WASM, "no engine for this kind of image");
  }

  private patch(kind: number, handle: string, payload: Uint8Array, answer: Answer): void {
    const instance = this.find(kind, handle);
    if (instance === undefined) {
      answer(NOT_FOUND, new DeviceFault(UNKNOWN_INSTANCE, `no instance ${handle}`));
      return;
    }
    const outputs = decodeOutputs(payload);
    const most = this.board.settings.maxOutputs;
    if (outputs.length > most) {
      answer(BAD_REQUEST, new DeviceFault(DEVICE_FULL, `${outputs.length} outputs, ${most} may be`));
      return;
    }
    instance.outputs = outputs;
    answer(CHANGED);
    instance.wired();
  }

  private stop(kind: number, handle: string, answer: Answer): void {
    const instance = this.find(kind, handle);
    if (instance !== undefined) this.board.remove(instance);
    answer(DELETED);
  }

  private find(kind: number, text: string): Instance | undefined {
    const handle = Number(text);
    const instance = handle > 0 ? this.board.instance(handle) : undefined;
    return instance !== undefined && instance.kind === kind ? instance : undefined;
  }

  /** A part of the next firmware, or the start of its trial. */
  private update(code: number, name: string, payload: Uint8Array, answer: Answer): void {
    const { firmware } = this.hardware;
    if (firmware === undefined) answer(NOT_FOUND);
    else if (code !== (name === "" ? POST : PUT)) answer(METHOD_NOT_ALLOWED);
    else {
      if (name === "") startFirmwareTrial(this.hardware, firmware, payload);
      else storeFirmwarePart(this.hardware, firmware, name, payload);
      answer(CHANGED);
    }
  }

  private image(code: number, digest: string, payload: Uint8Array, reply: Reply, answer: Answer): void {
    const { images } = this;
    if (digest === "") {
      if (code === GET) reply(CONTENT, digestsPayload(images), { contentFormat: CBOR });
      else answer(METHOD_NOT_ALLOWED);
    } else if (!isDigest(digest)) answer(BAD_REQUEST, new DeviceFault(BAD_MESSAGE, "16 hexadecimal digits"));
    else if (code === DELETE) {
      const removed = images.remove(digest);
      if (removed) this.device.statusChanged();
      answer(removed ? DELETED : FORBIDDEN);
    } else if (code !== PUT) answer(METHOD_NOT_ALLOWED);
    else this.store(digest, payload, reply);
  }

  /** Where the parts of an image go; undefined when a request is not one for an image. */
  sinkOf({ code, path }: Message): BodySink | undefined {
    const digest = path.slice(IMAGES.length);
    if (code !== PUT || path.slice(0, IMAGES.length) !== IMAGES || !isDigest(digest)) return undefined;
    const { images, board } = this;
    const most = board.settings.maxImageBytes;
    return (at, bytes, total) =>
      total <= most && images.putPart(digest, at, bytes, total) ? FITS : Math.min(most, images.freeBytes());
  }

  private store(digest: string, image: Uint8Array, reply: Reply): void {
    const { images } = this;
    const most = this.board.settings.maxImageBytes;
    const arrived = image.length === 0 ? images.finish(digest) : undefined;
    const result =
      arrived !== undefined ? arrived : image.length > most ? NO_ROOM : images.put(digest, image);
    if (result === DAMAGED) throw new DeviceFault(BAD_WASM, "the image is not what its digest says");
    if (result !== NO_ROOM) {
      this.device.statusChanged();
      reply(result === ALREADY_THERE ? CHANGED : CREATED, NOTHING);
      return;
    }
    const free = Math.min(most, images.freeBytes());
    const fault = new DeviceFault(IMAGE_TOO_LARGE, `${image.length} bytes, room for ${free}`);
    reply(REQUEST_ENTITY_TOO_LARGE, encodeDiagnostic(fault), { size1: free, contentFormat: CBOR });
  }
}

function digestsPayload(images: ImageStore): Uint8Array {
  const digests = images.digests();
  const writer = new CborWriter(16).array(digests.length);
  for (let i = 0; i < digests.length; i++) writer.byteString(digests[i] as Uint8Array);
  return writer.written();
}
