import { FUNCTION } from "../coap-api/operations/register.js";
import type { ComponentState } from "../core/status.js";
import type { Uuid } from "../core/uuid.js";
import type { DeviceOutput, InstanceRecord } from "./instance-record.js";
import { startOrder } from "./start-order.js";
import { sameWiring, wiringOf } from "./wiring.js";

/** An instance that should run, and how far it is. */
export interface DesiredInstance {
  readonly record: InstanceRecord;
  state: ComponentState;
  /** It is not started before, monotonic milliseconds. */
  notBeforeMs: number;
  /** While it has no outputs it is not wired before, monotonic milliseconds: the ε-ORC may be about to name them. */
  wireEmptyMs: number;
  /** Wiring that the device refused; it is not offered again. */
  refusedWiring: readonly DeviceOutput[] | undefined;
}

/** Kind of an instance of which only the number is known. */
export const KIND_UNKNOWN = -1;

/** Something that runs on the device and should not. */
export interface Leftover {
  readonly handle: number;
  /** FUNCTION, RESOURCE or {@link KIND_UNKNOWN}. */
  readonly kind: number;
  /** True when this gateway did not start it. */
  readonly isStranger: boolean;
}

/** What should be on a device and what is known to be there. */
export interface DeviceView<Instance extends DesiredInstance = DesiredInstance> {
  readonly nodeId: Uuid;
  /** The device has to be asked what runs there. */
  readonly isDoubtful: boolean;
  /** It had no room for an image lately. */
  readonly isFull: boolean;
  /** Images that it keeps, by the first 16 digits of their digests. */
  readonly images: ReadonlySet<string>;
  readonly leftovers: readonly Leftover[];
  readonly instances: readonly Instance[];
}

/** One step towards what should be. */
export type Command<Instance extends DesiredInstance = DesiredInstance> =
  | { readonly type: "ask" }
  | { readonly type: "reset" }
  | { readonly type: "stop"; readonly leftover: Leftover }
  | { readonly type: "remove-image"; readonly image: string }
  | { readonly type: "store-image"; readonly instance: Instance; readonly digest: string }
  | { readonly type: "start"; readonly instance: Instance }
  | { readonly type: "wire"; readonly instance: Instance; readonly outputs: readonly DeviceOutput[] };

/** Digits of a digest that name an image on a device. */
const IMAGE_DIGITS = 16;

/** Name of an image on devices. */
export function imageName(digest: string): string {
  return digest.slice(0, IMAGE_DIGITS);
}

/**
 * The next step for a device: first certainty about what it runs, then room, then wiring, then starts, receivers first.
 * @returns undefined when nothing is to be done now
 */
export function nextCommand<Instance extends DesiredInstance>(
  view: DeviceView<Instance>,
  nowMs: number,
): Command<Instance> | undefined {
  if (view.isDoubtful) return { type: "ask" };
  return makeRoom(view) ?? wire(view, nowMs) ?? start(view, nowMs);
}

/** When the next start or wiring is due that has to wait; undefined: none. Monotonic milliseconds. */
export function nextDueMs(view: DeviceView): number | undefined {
  let dueMs: number | undefined;
  for (const instance of view.instances) {
    const ownMs = isStartable(instance)
      ? instance.notBeforeMs
      : waitsForOutputs(instance)
        ? instance.wireEmptyMs
        : undefined;
    if (ownMs !== undefined && (dueMs === undefined || ownMs < dueMs)) dueMs = ownMs;
  }
  return dueMs;
}

function makeRoom(view: DeviceView): Command<never> | undefined {
  const [leftover] = view.leftovers;
  if (leftover !== undefined) {
    const isForeign = view.leftovers.some(({ isStranger }) => isStranger);
    const isOurs = view.instances.some(({ record }) => record.handle !== undefined);
    return isForeign && !isOurs ? { type: "reset" } : { type: "stop", leftover };
  }
  if (!view.isFull) return undefined;
  const [image] = unusedImages(view);
  return image === undefined ? undefined : { type: "remove-image", image };
}

/** Images on the device that no instance needs. */
export function unusedImages(view: Pick<DeviceView, "images" | "instances">): string[] {
  const needed = new Set(view.instances.map(({ record }) => imageName(record.digest ?? "")));
  return [...view.images].filter((image) => !needed.has(image));
}

function wire<Instance extends DesiredInstance>(
  view: DeviceView<Instance>,
  nowMs: number,
): Command<Instance> | undefined {
  const handles = new Map(view.instances.map(({ record }) => [record.functionId, record.handle]));
  for (const instance of view.instances) {
    const { record, refusedWiring } = instance;
    if (record.handle === undefined) continue;
    const outputs = wiringOf(view.nodeId, record, (id) => handles.get(id));
    if (waitsForOutputs(instance) ? instance.wireEmptyMs > nowMs : sameWiring(outputs, record.wired))
      continue;
    if (refusedWiring !== undefined && sameWiring(outputs, refusedWiring)) continue;
    return { type: "wire", instance, outputs };
  }
  return undefined;
}

/** True when a function runs that was not told yet that it has no outputs; until then it does not begin. */
function waitsForOutputs({ record, refusedWiring }: DesiredInstance): boolean {
  const { kind, handle, wired, outputs } = record;
  const isTold = wired !== undefined || refusedWiring !== undefined;
  return kind === FUNCTION && handle !== undefined && !isTold && outputs.length === 0;
}

function start<Instance extends DesiredInstance>(
  view: DeviceView<Instance>,
  nowMs: number,
): Command<Instance> | undefined {
  const byRecord = new Map(view.instances.map((instance) => [instance.record, instance]));
  const records = view.instances.map(({ record }) => record);
  for (const record of startOrder(view.nodeId, records)) {
    const instance = byRecord.get(record);
    if (instance === undefined || !isStartable(instance) || instance.notBeforeMs > nowMs) continue;
    const { digest, kind } = record;
    if (kind === FUNCTION && digest !== undefined && !view.images.has(imageName(digest)))
      return { type: "store-image", instance, digest };
    return { type: "start", instance };
  }
  return undefined;
}

function isStartable({ record, state }: DesiredInstance): boolean {
  return record.handle === undefined && state !== "failed";
}
