import type { Event } from "../core/event.js";
import { codec } from "./codec.js";
import { Event as EventMessage } from "./generated/messages.js";
import { FunctionInvocationDefinition } from "./generated/services.js";
import { eventFromMessage, eventToMessage } from "./mapping/event.js";
import { type Method, method, nothing } from "./method.js";

/** The method of `FunctionInvocation`. */
export const handleMethod: Method<Event, void> = method(
  FunctionInvocationDefinition,
  FunctionInvocationDefinition.methods.handle,
  codec("Event", EventMessage, eventToMessage, eventFromMessage),
  nothing,
);
