import {
  CREATED,
  DELETE,
  FORBIDDEN,
  formatCode,
  GET,
  isSuccess,
  NOT_FOUND,
  POST,
  PUT,
  REQUEST_ENTITY_TOO_LARGE,
} from "../coap-api/coap/codes.js";
import { ABSENT, type Message } from "../coap-api/coap/message.js";
import type { Failure, OutgoingRequest } from "../coap-api/endpoint/exchange.js";
import { decodeDiagnostic } from "../coap-api/operations/diagnostic.js";
import { encodeOutputs } from "../coap-api/operations/outputs.js";
import { FUNCTION, RESOURCE } from "../coap-api/operations/register.js";
import { encodeStartFunction } from "../coap-api/operations/start-function.js";
import { encodeStartResource } from "../coap-api/operations/start-resource.js";
import { type DeviceStatus, decodeStatus } from "../coap-api/operations/status.js";
import { WireFault } from "../coap-api/wire-fault.js";
import { ERRORS } from "../core/errors.js";
import { uuidToBytes } from "../core/uuid.js";
import type { Work } from "./device-link.js";
import type { DevicePlan, PlannedInstance } from "./device-plan.js";
import { deviceReason } from "./device-reason.js";
import { type InstanceRecord, tagOf } from "./instance-record.js";
import { type Command, imageName, unusedImages } from "./reconciler.js";

/** A step for a device. */
type DeviceCommand = Command<PlannedInstance>;

/** What carrying out commands needs beside the plan. */
export interface CommandContext {
  readonly plan: DevicePlan;
  readonly imageOf: (digest: string) => Uint8Array | undefined;
  readonly stateOf: (record: InstanceRecord) => Uint8Array | undefined;
  /** Bounds of a function; 0: as the device has them. */
  readonly maxRunTimeMs: number;
  readonly maxMemoryBytes: number;
  /** The device told its status. */
  readonly asked: (status: DeviceStatus) => void;
  /** The device refused to tell: it obeys another gateway. */
  readonly disowned: () => void;
  /** The plan changed: what is kept of these instances has to be written, and somebody told. */
  readonly changed: (instances: readonly PlannedInstance[]) => void;
  /** For the metrics: what was done, and how it went. */
  readonly counted: (command: Command["type"], outcome: string) => void;
}

/** A command as a request to the device, and what its outcome means for the plan. */
export function workOf(command: DeviceCommand, context: CommandContext): Work {
  const work = describe(command, context);
  return {
    request: work.request,
    done: (response, failure) => {
      const outcome = response === undefined ? (failure ?? "closed") : formatCode(response.code);
      context.counted(command.type, outcome);
      return work.done(response, failure);
    },
  };
}

function describe(command: DeviceCommand, context: CommandContext): Work {
  if (command.type === "ask") return ask(context);
  const { request, settle } = step(command, context);
  return {
    request,
    done: (response, failure) => {
      // It may obey another gateway by now; or it still needs the image.
      if (response?.code === FORBIDDEN && command.type !== "remove-image") context.plan.isDoubtful = true;
      else settle(response, failure);
      return undefined;
    },
  };
}

/** A command that changes something on the device. */
interface Step {
  readonly request: OutgoingRequest;
  readonly settle: (response: Message | undefined, failure: Failure | undefined) => void;
}

function step(command: Exclude<DeviceCommand, { type: "ask" }>, context: CommandContext): Step {
  switch (command.type) {
    case "reset":
      return reset(context);
    case "stop":
      return stop(command, context);
    case "remove-image":
      return removeImage(command, context);
    case "store-image":
      return storeImage(command, context);
    case "start":
      return start(command.instance, context);
    case "wire":
      return wire(command, context);
  }
}

function ask({ asked, disowned }: CommandContext): Work {
  return {
    request: { code: GET, path: "s" },
    done: (response) => {
      const status = response !== undefined && isSuccess(response.code) ? readStatus(response) : undefined;
      if (status !== undefined) asked(status);
      else if (response?.code === FORBIDDEN) disowned();
      return response !== undefined && status === undefined ? "pause" : undefined;
    },
  };
}

function reset({ plan, changed }: CommandContext): Step {
  return {
    request: { code: POST, path: "x" },
    settle: (response) => {
      if (response === undefined || !isSuccess(response.code)) return;
      plan.wasReset();
      changed(plan.instances);
    },
  };
}

function stop({ leftover }: Extract<DeviceCommand, { type: "stop" }>, { plan }: CommandContext): Step {
  return {
    request: { code: DELETE, path: `${leftover.kind === RESOURCE ? "r" : "f"}/${leftover.handle}` },
    settle: (response) => {
      // A device that refuses to stop something has to be looked at again.
      if (response === undefined) plan.isDoubtful = true;
      else plan.stopped(leftover);
    },
  };
}

function removeImage(
  { image }: Extract<DeviceCommand, { type: "remove-image" }>,
  { plan }: CommandContext,
): Step {
  return {
    request: { code: DELETE, path: `i/${image}` },
    settle: (response) => {
      if (response === undefined) return;
      plan.images.delete(image);
      plan.isFull = false;
    },
  };
}

function storeImage(command: Extract<DeviceCommand, { type: "store-image" }>, context: CommandContext): Step {
  const { instance, digest } = command;
  const { plan, changed } = context;
  const payload = context.imageOf(digest) ?? new Uint8Array(0);
  return {
    request: { code: PUT, path: `i/${imageName(digest)}`, payload },
    settle: (response, failure) => {
      if (response !== undefined && isSuccess(response.code)) plan.stored(digest);
      else if (response?.code === REQUEST_ENTITY_TOO_LARGE) {
        if (unusedImages(plan).length > 0) plan.isFull = true;
        else {
          const room = response.size1 === ABSENT ? "" : `, ${response.size1} are free`;
          plan.refused(instance, `no room for the image of ${payload.length} bytes on the device${room}`);
        }
      } else if (failure !== "closed")
        plan.postponed(instance, `the image could not be stored: ${reasonOf(response, failure)}`);
      changed([instance]);
    },
  };
}

function start(instance: PlannedInstance, context: CommandContext): Step {
  const { record } = instance;
  const { plan, changed } = context;
  const isFunction = record.kind === FUNCTION;
  const payload = isFunction ? functionStart(record, context) : resourceStart(record);
  return {
    request: { code: POST, path: isFunction ? "f" : "r", payload },
    settle: (response, failure) => {
      const handle = response?.code === CREATED ? handleOf(response.locationPath) : undefined;
      if (handle !== undefined) plan.started(instance, handle);
      else if (response === undefined) {
        // It may have been started all the same.
        if (failure !== "closed") plan.isDoubtful = true;
      } else if (response.code === NOT_FOUND && isFunction) {
        plan.images.delete(imageName(record.digest ?? ""));
        plan.postponed(instance, "the device lost the image");
      } else if (
        response.code >> 5 === 5 ||
        errorOf(response) === ERRORS.EDGELESS_FUNCTION_OUT_OF_MEMORY.number
      )
        plan.refused(instance, reasonOf(response, failure));
      else plan.failed(instance, reasonOf(response, failure));
      changed([instance]);
    },
  };
}

function functionStart(record: InstanceRecord, context: CommandContext): Uint8Array {
  const id = uuidToBytes(record.functionId);
  const state = context.stateOf(record);
  const { initPayload } = record;
  return encodeStartFunction({
    digest: Buffer.from(imageName(record.digest ?? ""), "hex"),
    functionId: id,
    tag: tagOf(id),
    ...(initPayload === undefined ? {} : { initPayload: new TextEncoder().encode(initPayload) }),
    ...(state === undefined ? {} : { state }),
    maxRunTimeMs: context.maxRunTimeMs,
    maxMemoryBytes: context.maxMemoryBytes,
    name: record.name,
  });
}

function resourceStart(record: InstanceRecord): Uint8Array {
  const id = uuidToBytes(record.functionId);
  const configuration = record.configuration.map(([key, value]) => ({ key, value }));
  return encodeStartResource({ classType: record.name, resourceId: id, tag: tagOf(id), configuration });
}

function wire(
  { instance, outputs }: Extract<DeviceCommand, { type: "wire" }>,
  { plan, changed }: CommandContext,
): Step {
  const { record } = instance;
  const { handle } = record;
  return {
    request: {
      code: PUT,
      path: `${record.kind === FUNCTION ? "f" : "r"}/${handle}`,
      payload: encodeOutputs(outputs),
    },
    settle: (response, failure) => {
      if (response === undefined || record.handle !== handle) return;
      if (isSuccess(response.code)) plan.wired(instance, outputs);
      else if (response.code === NOT_FOUND) plan.isDoubtful = true;
      else plan.wiringRefused(instance, outputs, reasonOf(response, failure));
      changed([instance]);
    },
  };
}

function readStatus(response: Message): DeviceStatus | undefined {
  try {
    return decodeStatus(response.payload);
  } catch (fault) {
    if (fault instanceof WireFault) return undefined;
    throw fault;
  }
}

/** The handle in a location such as `f/3`. */
function handleOf(locationPath: string): number | undefined {
  const digits = /^[fr]\/([0-9]{1,9})$/.exec(locationPath)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The number of the error in a response, if it names one. */
function errorOf({ payload }: Message): number | undefined {
  try {
    return decodeDiagnostic(payload).error;
  } catch (fault) {
    if (fault instanceof WireFault) return undefined;
    throw fault;
  }
}

/** Why a request failed, in words. */
function reasonOf(response: Message | undefined, failure: Failure | undefined): string {
  if (response === undefined) return `no answer (${failure})`;
  try {
    const { error, reason } = decodeDiagnostic(response.payload);
    return `${deviceReason(`${error} ${reason}`)} (${formatCode(response.code)})`;
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return `the device answered ${formatCode(response.code)}`;
  }
}
