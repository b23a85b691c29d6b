import type { InvocationApi } from "../core/api.js";
import { reasonOf } from "../core/errors.js";
import { type Codec, codec } from "./codec.js";
import { EventBatch, EventBatchResponse } from "./generated/messages.js";
import { FunctionInvocationBatchDefinition } from "./generated/services.js";
import { handleMethod } from "./invocation-method.js";
import { type Method, method } from "./method.js";

/** Why an event of a batch was not taken, by its place in the batch. */
export type Refusals = ReadonlyMap<number, string>;

const batch: Codec<readonly Uint8Array[]> = codec<EventBatch, readonly Uint8Array[]>(
  "EventBatch",
  EventBatch,
  (events) => ({ events }),
  (message) => message.events,
);
const refusals: Codec<Refusals> = codec<EventBatchResponse, Refusals>(
  "EventBatchResponse",
  EventBatchResponse,
  (refused) => ({ refused: [...refused].map(([index, reason]) => ({ index, reason })) }),
  (message) => new Map(message.refused.map(({ index, reason }) => [index, reason])),
);

/** The method of `FunctionInvocationBatch`, an extension; its request is a list of encoded events. */
export const handleAllMethod: Method<readonly Uint8Array[], Refusals> = method(
  FunctionInvocationBatchDefinition,
  FunctionInvocationBatchDefinition.methods.handleAll,
  batch,
  refusals,
);

/** Gives the events of a batch to `api`, in order; what it or the mapping throws concerns one event alone. */
export function handleAll(api: InvocationApi, events: readonly Uint8Array[]): Refusals {
  const refused = new Map<number, string>();
  events.forEach((bytes, index) => {
    try {
      api.handle(handleMethod.request.decode(bytes));
    } catch (error) {
      refused.set(index, reasonOf(error));
    }
  });
  return refused;
}
