import {
  BAD_REQUEST,
  CHANGED,
  CONTENT,
  CREATED,
  DELETE,
  DELETED,
  GET,
  INTERNAL_SERVER_ERROR,
  METHOD_NOT_ALLOWED,
  NOT_FOUND,
  POST,
  SERVICE_UNAVAILABLE,
  UNAUTHORIZED,
  UNSUPPORTED_CONTENT_FORMAT,
} from "../coap-api/coap/codes.js";
import { CBOR, isStrangeFormat, LINKS_FORMAT } from "../coap-api/coap/content-formats.js";
import type { ReplyOptions } from "../coap-api/endpoint/reply-options.js";
import { type IncomingRequest, type Reply, UNPROVED } from "../coap-api/endpoint/request-server.js";
import { seenKey } from "../coap-api/endpoint/seen.js";
import { encodeDiagnostic } from "../coap-api/operations/diagnostic.js";
import { decodeUplinkEvent } from "../coap-api/operations/event.js";
import { decodeLogLines } from "../coap-api/operations/log-lines.js";
import { decodeRefresh } from "../coap-api/operations/refresh.js";
import { decodeRegistration } from "../coap-api/operations/register.js";
import { encodeRegistered } from "../coap-api/operations/registered.js";
import { decodeKeptState } from "../coap-api/operations/state.js";
import { WireFault } from "../coap-api/wire-fault.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError, ERRORS, type ErrorCode, reasonOf } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { parseUuid, type Uuid } from "../core/uuid.js";
import { imageKindOf } from "./admission.js";
import type { Device } from "./device.js";
import { UNREGISTERED } from "./device-events.js";
import type { DeviceRegistry } from "./device-registry.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import { changesImages, ImageRequests, imageNameIn } from "./image-requests.js";
import { formatLinks } from "./links.js";
import { RefusalLog } from "./refusal-log.js";
import { RegistrationRefusal } from "./registration-refusal.js";
import { STORE_RETRY_SECONDS } from "./registration-terms.js";
import type { StoredImages } from "./stored-images.js";
import type { TakenEvents } from "./taken-events.js";

/** Lifetime when a registration names none, seconds (RFC 9176 section 5.3). */
const USUAL_LIFETIME = 90_000;

const NOTHING = new Uint8Array(0);
const STORE_FAULTS: readonly ErrorCode[] = ["EDGELESS_STORE_FULL", "EDGELESS_STORE_BROKEN"];

/** What a {@link DeviceServer} works with. */
export interface DeviceServerParts {
  readonly registry: DeviceRegistry;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a device may register from an address; one that may not is asked to prove it. */
  readonly isTrusted: (address: string, port: number) => boolean;
  readonly images: StoredImages;
  /** Whether images may be stored and removed. */
  readonly acceptsImages: boolean;
  /** Largest body that is no image, bytes. */
  readonly maxBodyBytes: number;
  /** The payload of the status. */
  readonly status: () => Uint8Array;
  readonly taken: TakenEvents;
}

/** Carries out what devices ask of the gateway. Nothing that a peer sends leaves it as an exception. */
export class DeviceServer {
  readonly #parts: DeviceServerParts;
  readonly #refusals: RefusalLog;
  readonly #images: ImageRequests;

  constructor(parts: DeviceServerParts) {
    this.#parts = parts;
    this.#images = new ImageRequests(parts.images, parts.acceptsImages);
    this.#refusals = new RefusalLog(parts.clock, parts.logger);
  }

  /** How large a body may be, see `BodyLimit`: registrations and images are taken only from addresses that may bring them. */
  largestBody(code: number, path: string, address: string, port: number): number {
    const { images, acceptsImages, isTrusted, maxBodyBytes } = this.#parts;
    const isImage = acceptsImages && changesImages({ code, path });
    if ((isImage || path === "rd") && !isTrusted(address, port)) return UNPROVED;
    return isImage ? images.roomFor(imageNameIn(path)) : maxBodyBytes;
  }

  /** Answers one request, at once or when what it asks for is written down. */
  handle(request: IncomingRequest, reply: Reply): void {
    const { path, address, port } = request;
    const [root = ""] = path.split("/");
    const name = KNOWN_PATHS.has(root) ? root : "other";
    const { metrics, logger, registry } = this.#parts;
    metrics.request(name);
    const device = registry.findAt(address, port);
    const answer: Answer = (code, reason = "", options) => {
      if (code >= 0x80) metrics.refused(name, reason === "" ? "refused" : reason);
      reply(code, NOTHING, options);
    };
    const failed = (thrown: unknown) => {
      if (thrown instanceof WireFault) {
        metrics.refused(name, "malformed");
        if (name === "e") metrics.dropped("malformed", 1);
        const error = ERRORS.EDGELESS_BAD_MESSAGE.number;
        reply(BAD_REQUEST, encodeDiagnostic({ error, reason: thrown.toString() }), { contentFormat: CBOR });
      } else if (thrown instanceof RegistrationRefusal) {
        metrics.refused(name, "refused");
        this.#refusals.add({ address, port, reason: thrown.reason });
        const maxAge = thrown.maxAge === undefined ? {} : { maxAge: thrown.maxAge };
        reply(thrown.code, encodeDiagnostic(thrown), { ...maxAge, contentFormat: CBOR });
      } else if (thrown instanceof EdgelessError && STORE_FAULTS.includes(thrown.code)) {
        metrics.refused(name, "not stored");
        const diagnostic = { error: thrown.number, reason: "the gateway cannot store its state" };
        const options = { maxAge: STORE_RETRY_SECONDS, contentFormat: CBOR };
        reply(SERVICE_UNAVAILABLE, encodeDiagnostic(diagnostic), options);
      } else {
        metrics.refused(name, "internal");
        logger.error("a request of a device failed", { address, port, path, reason: reasonOf(thrown) });
        reply(INTERNAL_SERVER_ERROR, NOTHING);
      }
    };
    try {
      if (isStrangeFormat(request.message)) answer(UNSUPPORTED_CONTENT_FORMAT, "unsupported format");
      else this.#dispatch(root, request, device, answer, reply)?.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }

  #dispatch(
    root: string,
    request: IncomingRequest,
    device: Device | undefined,
    answer: Answer,
    reply: Reply,
  ): Promise<void> | undefined {
    const { code, path, payload } = request;
    if (path === ".well-known/core") {
      const links = new TextEncoder().encode(formatLinks(request.query));
      if (code === GET) reply(CONTENT, links, { contentFormat: LINKS_FORMAT });
      else answer(METHOD_NOT_ALLOWED);
      return undefined;
    }
    if (path === "rd") {
      if (code !== POST) return void answer(METHOD_NOT_ALLOWED);
      const { address, port } = request;
      if (!this.#parts.isTrusted(address, port))
        return void answer(UNAUTHORIZED, "address not proved", { challenge: true });
      return this.#register(request, reply);
    }
    if (root === "rd") return this.#registration(request, device, answer);
    if (root === "i") return this.#image(request, reply);
    if (path === "s") {
      const options = { contentFormat: CBOR, observable: true };
      if (code === GET) reply(CONTENT, this.#parts.status(), options);
      else answer(METHOD_NOT_ALLOWED);
      return undefined;
    }
    if (!EVENT_PATHS.has(path)) return void answer(NOT_FOUND, "unknown path");
    if (code !== POST) return void answer(METHOD_NOT_ALLOWED);
    if (device === undefined) {
      if (path === "e") this.#parts.metrics.dropped("unregistered", 1);
      return void answer(UNREGISTERED.code, "unregistered");
    }
    if (path === "e") this.#event(request, device, answer);
    else if (path === "l") {
      device.logged(decodeLogLines(payload));
      answer(CHANGED);
    } else return this.#keep(payload, device, answer);
    return undefined;
  }

  #event({ message, payload }: IncomingRequest, device: Device, answer: Answer): void {
    const key = seenKey(message.messageId, message.token);
    const isTakenAlready = device.formerEvent === key;
    device.formerEvent = undefined;
    if (isTakenAlready) answer(CHANGED);
    else this.#pass(payload, device, key, answer);
  }

  /** @param key of the message, by which the event is known again */
  #pass(payload: Uint8Array, device: Device, key: number, answer: Answer): void {
    device.uplink(decodeUplinkEvent(payload), ({ code, reason, maxAge }) => {
      if (code === CHANGED) this.#parts.taken.add(device.record.location, key);
      answer(code, reason, maxAge === undefined ? undefined : { maxAge });
    });
  }

  async #register({ query, payload, address, port }: IncomingRequest, reply: Reply): Promise<void> {
    const { nodeId, lifetimeSeconds } = parseRegistrationQuery(query);
    const registration = decodeRegistration(payload);
    const { registry, clock } = this.#parts;
    const device = await registry.register(nodeId, lifetimeSeconds, registration, address, port);
    const kind = imageKindOf(device.record.facts);
    if (kind !== undefined) this.#parts.images.met(kind);
    reply(CREATED, encodeRegistered({ timeSeconds: Math.floor(clock.wallMs() / 1000) }), {
      locationPath: `rd/${device.record.location}`,
    });
  }

  #image(request: IncomingRequest, reply: Reply): Promise<void> | undefined {
    const { isTrusted, metrics } = this.#parts;
    const isProved = isTrusted(request.address, request.port);
    return this.#images.handle(request, isProved, (code, payload, options, error) => {
      if (code >= 0x80) metrics.refused("i", error?.code ?? "refused");
      if (error === undefined) reply(code, payload, options);
      else {
        const diagnostic = encodeDiagnostic({ error: error.number, reason: error.message });
        reply(code, diagnostic, { ...options, contentFormat: CBOR });
      }
    });
  }

  /** Refresh or end of a registration; only from the address that it was made from. */
  #registration(
    { code, path, payload }: IncomingRequest,
    device: Device | undefined,
    answer: Answer,
  ): Promise<void> | undefined {
    const location = Number(path.slice("rd/".length));
    if (device === undefined || !this.#parts.registry.isAt(device, location))
      return void answer(NOT_FOUND, "unregistered");
    if (code === DELETE) {
      answer(DELETED);
      return this.#parts.registry.withdraw(device, "left");
    }
    if (code !== POST) return void answer(METHOD_NOT_ALLOWED);
    device.refreshed(decodeRefresh(payload));
    answer(CHANGED);
    return undefined;
  }

  async #keep(payload: Uint8Array, device: Device, answer: Answer): Promise<void> {
    const isKept = await device.keep(decodeKeptState(payload));
    if (isKept) answer(CHANGED);
    else answer(NOT_FOUND, "unknown instance or state too large");
  }
}

/** Answers with a code; the reason is for the metrics. */
type Answer = (code: number, reason?: string, options?: ReplyOptions) => void;

const EVENT_PATHS = new Set(["e", "l", "y"]);
const KNOWN_PATHS = new Set([...EVENT_PATHS, "rd", "i", "s", ".well-known"]);

/** @throws RegistrationRefusal */
function parseRegistrationQuery(query: string): { readonly nodeId: Uuid; readonly lifetimeSeconds: number } {
  const parts = new Map(query.split("&").map((part) => splitAt(part, "=")));
  const nodeId = parseUuid(parts.get("ep") ?? "");
  if (nodeId === undefined)
    throw new RegistrationRefusal(BAD_REQUEST, "EDGELESS_BAD_UUID", "ep must be the UUID of the device");
  const lifetime = parts.get("lt");
  if (lifetime !== undefined && !/^[0-9]{1,9}$/.test(lifetime))
    throw new RegistrationRefusal(BAD_REQUEST, "EDGELESS_BAD_MESSAGE", "lt must be a number of seconds");
  return { nodeId, lifetimeSeconds: lifetime === undefined ? USUAL_LIFETIME : Number(lifetime) };
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
