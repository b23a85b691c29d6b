import { EdgelessError, reasonOf } from "../core/errors.js";

/** How a value travels: two pure functions. */
export interface Codec<T> {
  /** @throws EdgelessError EDGELESS_BAD_MESSAGE when the value does not fit into the message, such as a number out of range */
  encode(value: T): Uint8Array;
  /** @throws EdgelessError EDGELESS_BAD_MESSAGE when the bytes or the values in them are not what the API allows */
  decode(bytes: Uint8Array): T;
}

/** What the generator makes of a proto message. */
export interface MessageFns<M> {
  encode(message: M): { finish(): Uint8Array };
  decode(bytes: Uint8Array): M;
}

/**
 * Joins a generated message with its mapping to a type of `core`.
 * @param name of the proto message, for errors
 */
export function codec<M, T>(
  name: string,
  message: MessageFns<M>,
  toMessage: (value: T) => M,
  fromMessage: (message: M) => T,
): Codec<T> {
  return {
    encode(value) {
      try {
        return message.encode(toMessage(value)).finish();
      } catch (error) {
        throw asBadMessage(error, `${name} cannot be written`);
      }
    },
    decode(bytes) {
      try {
        return fromMessage(message.decode(plain(bytes)));
      } catch (error) {
        throw asBadMessage(error, `${name} cannot be read`);
      }
    },
  };
}

/** The same bytes as no Buffer, so that the parts cut out of them are no Buffers either. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asBadMessage(error: unknown, what: string): EdgelessError {
  if (error instanceof EdgelessError) return error;
  return new EdgelessError("EDGELESS_BAD_MESSAGE", `${what}: ${reasonOf(error)}`, error);
}
