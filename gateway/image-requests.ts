import {
  BAD_REQUEST,
  CHANGED,
  CONTENT,
  CREATED,
  DELETE,
  DELETED,
  FORBIDDEN,
  GET,
  METHOD_NOT_ALLOWED,
  NOT_FOUND,
  PUT,
  REQUEST_ENTITY_TOO_LARGE,
  SERVICE_UNAVAILABLE,
  UNAUTHORIZED,
} from "../coap-api/coap/codes.js";
import { CBOR, OCTETS } from "../coap-api/coap/content-formats.js";
import type { ReplyOptions } from "../coap-api/endpoint/reply-options.js";
import type { IncomingRequest } from "../coap-api/endpoint/request-server.js";
import { encodeDigests } from "../coap-api/operations/image-digests.js";
import { EdgelessError, type ErrorCode } from "../core/errors.js";
import type { StoredImages } from "./stored-images.js";

/** Gives an answer; a diagnostic goes along when there is an error. */
export type AnswerImage = (
  code: number,
  payload: Uint8Array,
  options?: ReplyOptions,
  error?: EdgelessError,
) => void;

/** Path of the list, and start of the paths of images. */
const LIST = "i";
const IMAGES = "i/";
const NOTHING = new Uint8Array(0);
/** Seconds after which an image may be offered again. */
const RETRY_SECONDS = 2;
/** What is wrong with an image, whoever offers it. */
const BAD_IMAGES: ReadonlySet<ErrorCode> = new Set([
  "EDGELESS_BAD_WASM",
  "EDGELESS_WASM_ABI",
  "EDGELESS_WASM_TOO_LARGE",
]);

/** True when a request changes what images are stored. */
export function changesImages({ code, path }: Pick<IncomingRequest, "code" | "path">): boolean {
  return (code === PUT || code === DELETE) && path.startsWith(IMAGES);
}

/** Name of the image that a path is about. */
export function imageNameIn(path: string): string {
  return path.slice(IMAGES.length);
}

/** The images of a gateway as its clients see them: `GET /i`, and `GET`, `PUT` and `DELETE /i/<digest>`. */
export class ImageRequests {
  readonly #images: StoredImages;
  readonly #acceptsImages: boolean;

  /** @param acceptsImages whether requests may change what is stored */
  constructor(images: StoredImages, acceptsImages: boolean) {
    this.#images = images;
    this.#acceptsImages = acceptsImages;
  }

  /**
   * Answers a request, later when images change.
   * @param isTrusted whether the client proved its address, where that is asked for
   * @throws EdgelessError EDGELESS_STORE_FULL, EDGELESS_STORE_BROKEN
   */
  handle(request: IncomingRequest, isTrusted: boolean, answer: AnswerImage): Promise<void> | undefined {
    const { code, path, payload } = request;
    if (path === LIST) return void this.#list(code, answer);
    const name = imageNameIn(path);
    if (!/^[0-9a-f]{16}$/.test(name))
      return void answer(BAD_REQUEST, NOTHING, {}, error("EDGELESS_BAD_MESSAGE", "16 hexadecimal digits"));
    if (code === GET) return void this.#get(name, answer);
    if (!changesImages(request)) return void answer(METHOD_NOT_ALLOWED, NOTHING);
    if (!this.#acceptsImages)
      return void answer(FORBIDDEN, NOTHING, {}, error("EDGELESS_REJECTED", "no images are taken here"));
    if (!isTrusted) return void answer(UNAUTHORIZED, NOTHING, { challenge: true });
    return code === PUT ? this.#put(name, payload, answer) : this.#remove(name, answer);
  }

  #list(code: number, answer: AnswerImage): void {
    const digests = this.#images.names.map((name) => Buffer.from(name, "hex"));
    if (code === GET) answer(CONTENT, encodeDigests(digests), { contentFormat: CBOR });
    else answer(METHOD_NOT_ALLOWED, NOTHING);
  }

  #get(name: string, answer: AnswerImage): void {
    const image = this.#images.bytesOf(name);
    if (image === undefined)
      answer(NOT_FOUND, NOTHING, {}, error("EDGELESS_IMAGE_NOT_HELD", `image ${name} is not held`));
    else answer(CONTENT, image, { contentFormat: OCTETS });
  }

  async #put(name: string, image: Uint8Array, answer: AnswerImage): Promise<void> {
    const room = this.#images.roomFor(name);
    if (image.length > room) {
      const reason = `${image.length} bytes, room for ${room}`;
      const options = { size1: room };
      return answer(REQUEST_ENTITY_TOO_LARGE, NOTHING, options, error("EDGELESS_WASM_TOO_LARGE", reason));
    }
    try {
      const isNew = await this.#images.put(name, image);
      answer(isNew ? CREATED : CHANGED, NOTHING);
    } catch (thrown) {
      if (!(thrown instanceof EdgelessError)) throw thrown;
      if (BAD_IMAGES.has(thrown.code)) answer(BAD_REQUEST, NOTHING, {}, thrown);
      else if (thrown.code === "EDGELESS_REJECTED" || thrown.code === "EDGELESS_TIMEOUT")
        answer(SERVICE_UNAVAILABLE, NOTHING, { maxAge: RETRY_SECONDS }, thrown);
      else throw thrown;
    }
  }

  async #remove(name: string, answer: AnswerImage): Promise<void> {
    await this.#images.remove(name);
    answer(DELETED, NOTHING);
  }
}

function error(code: ErrorCode, reason: string): EdgelessError {
  return new EdgelessError(code, reason);
}
