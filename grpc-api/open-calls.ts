import { type handleUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";

/** The calls that a server has not answered yet, so that it can end them when it closes. */
export class OpenCalls {
  readonly #answers = new Set<sendUnaryData<Uint8Array>>();

  /** A handler whose calls are known until they are answered; an answer after {@link endAll} is ignored. */
  watch(handler: handleUnaryCall<Uint8Array, Uint8Array>): handleUnaryCall<Uint8Array, Uint8Array> {
    return (call, callback) => {
      const answer: sendUnaryData<Uint8Array> = (...outcome) => {
        if (this.#answers.delete(answer)) callback(...outcome);
      };
      this.#answers.add(answer);
      handler(call, answer);
    };
  }

  /** Tells the callers that the server is gone. */
  endAll(): void {
    for (const answer of [...this.#answers]) {
      answer({ code: status.UNAVAILABLE, details: "the server closes" });
    }
  }
}
