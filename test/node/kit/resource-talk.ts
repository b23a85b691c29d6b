import type { EventData } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { eventFor, type hostOf, until } from "./resource-fixture.js";

/** Longest wait for an answer, milliseconds. */
const WAIT_MS = 60_000;

/** A resource host and the means to talk to its instances. */
export function talking<T extends ReturnType<typeof hostOf>>(parts: T) {
  let streamId = 0n;
  const cast = (id: InstanceId, payload: string) =>
    parts.host.deliver(eventFor(id, { type: "cast", payload }));
  const call = async (id: InstanceId, payload: string): Promise<EventData> => {
    const own = ++streamId;
    parts.host.deliver(eventFor(id, { type: "call", payload }, own));
    const find = () => parts.sent.find((event) => event.streamId === own);
    await until(`answer to ${payload.slice(0, 60)}`, () => find() !== undefined, WAIT_MS);
    return find()?.data ?? { type: "err" };
  };
  /** The answer's text, or the type of an answer without text. */
  const ask = async (id: InstanceId, payload: string): Promise<string> => {
    const data = await call(id, payload);
    return "payload" in data ? data.payload : data.type;
  };
  return { ...parts, cast, call, ask };
}
