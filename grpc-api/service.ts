import type { handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";
import type { ResponseError, Result } from "../core/api.js";
import { reasonOf } from "../core/errors.js";
import type { Method } from "./method.js";
import { type FaultStatus, statusOf } from "./status.js";

/** How a fault is reported: with a status, or in band with an answer. */
export type FaultReport<Answer> = FaultStatus | ((thrown: unknown) => Answer);

/** How the faults of a method are reported. */
export interface FaultPolicy<Answer> {
  /** The request cannot be read. */
  readonly badRequest: FaultReport<Answer>;
  /** The handler threw. */
  readonly failure: FaultReport<Answer>;
}

/** Requests that cannot be read are INVALID_ARGUMENT, failures INTERNAL. */
export const STATUSES: FaultPolicy<never> = { badRequest: "INVALID_ARGUMENT", failure: "INTERNAL" };
/** Both are INTERNAL, as with most methods of `WorkflowInstance`. */
export const ALWAYS_INTERNAL: FaultPolicy<never> = { badRequest: "INTERNAL", failure: "INTERNAL" };

/** A fault as a refusal with this summary and the reason as detail. */
export function refusal(summary: string): (thrown: unknown) => { ok: false; error: ResponseError } {
  return (thrown) => ({ ok: false, error: { summary, detail: reasonOf(thrown) } });
}

/** Faults as refusals, with one summary each. */
export function inBand<T>(badRequest: string, failure: string): FaultPolicy<Result<T>> {
  return { badRequest: refusal(badRequest), failure: refusal(failure) };
}

/** A method with the code that serves it; the bytes are left to the codecs. */
export interface ServedMethod {
  readonly definition: MethodDefinition<Uint8Array, Uint8Array>;
  readonly handler: handleUnaryCall<Uint8Array, Uint8Array>;
}

/** Methods that a server offers together; made by the `…Service` functions. */
export interface Service {
  readonly methods: readonly ServedMethod[];
}

/**
 * Serves a method. The handler starts before anything else happens to later requests of the same connection, so
 * synchronous handlers see them in the order of their arrival. Nothing that is thrown leaves this function.
 */
export function serve<Request, Answer>(
  method: Method<Request, Answer>,
  handle: (request: Request) => Answer | Promise<Answer>,
  faults: FaultPolicy<Answer>,
): ServedMethod {
  const run = async (bytes: Uint8Array): Promise<Uint8Array> => {
    let request: Request;
    try {
      request = method.request.decode(bytes);
    } catch (error) {
      return method.answer.encode(report(error, faults.badRequest));
    }
    let answer: Answer;
    try {
      answer = await handle(request);
    } catch (error) {
      answer = report(error, faults.failure);
    }
    return method.answer.encode(answer);
  };
  return {
    definition: rawMethod(method.path),
    handler: (call, callback) => {
      run(call.request).then(
        (bytes) => callback(null, bytes),
        (error: unknown) => callback(error instanceof Reported ? error.status : statusOf(error, "INTERNAL")),
      );
    },
  };
}

/** Carries a status out of the handling of a request. */
class Reported extends Error {
  readonly status: ReturnType<typeof statusOf>;

  constructor(status: ReturnType<typeof statusOf>) {
    super(status.details);
    this.status = status;
  }
}

function report<Answer>(thrown: unknown, how: FaultReport<Answer>): Answer {
  if (how === "INVALID_ARGUMENT" || how === "INTERNAL") throw new Reported(statusOf(thrown, how));
  return (how as (thrown: unknown) => Answer)(thrown);
}

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A method whose messages are bytes to grpc-js. */
export function rawMethod(path: string): MethodDefinition<Uint8Array, Uint8Array> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: asIs,
    responseDeserialize: (bytes) => bytes,
  };
}
