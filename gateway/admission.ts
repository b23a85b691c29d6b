import { RUNTIME_JS, RUNTIME_WASM } from "../coap-api/operations/register.js";
import { EdgelessError } from "../core/errors.js";
import { type ResourceSpecification, RUST_WASM, type SpawnFunctionRequest } from "../core/specification.js";
import type { DeviceImage, ImageKind, WantedImage } from "./device-image.js";
import type { DeviceFacts } from "./device-record.js";

/** A device as admission sees it. */
export interface Applicant {
  readonly name: string;
  readonly facts: DeviceFacts;
  /** What functions may need in addition to those that it should run already. */
  readonly freeMemoryBytes: number;
  /** Instances that it should run already. */
  readonly instances: number;
}

/** Makes what a device is sent of a module, see {@link ImageWorkshop}. */
export type MakeImage = (wanted: WantedImage) => Promise<DeviceImage>;

/** The run-times that a device offers to a domain, by their EDGELESS names. */
export function domainRuntimes(facts: DeviceFacts): string[] {
  return runtimeOf(facts) === undefined ? [] : [RUST_WASM];
}

/**
 * Decides whether a device can run a function. What costs nothing is looked at before the module is checked.
 * @returns what the device is to be sent
 * @throws EdgelessError EDGELESS_REJECTED, EDGELESS_BAD_WASM, EDGELESS_WASM_ABI, EDGELESS_WASM_TOO_LARGE or
 * EDGELESS_TIMEOUT, saying what is missing and how much
 */
export async function admitFunction(
  request: SpawnFunctionRequest,
  device: Applicant,
  make: MakeImage,
): Promise<DeviceImage> {
  const { facts, name } = device;
  const { functionType, binary } = request.code;
  if (functionType !== RUST_WASM) {
    const known = domainRuntimes(facts).join(", ") || "none";
    throw reject(
      `no run-time for function type "${functionType}" on the device ${name}; available: ${known}`,
    );
  }
  const kind = imageKindOf(facts);
  if (kind === undefined)
    throw reject(`the device ${name} cannot run the function: it has no engine for functions`);
  if (binary === undefined || binary.length === 0) throw reject("the function has no code");
  const { imageBytes, functionMemoryBytes } = facts.limits;
  checkInstances(device);
  if (kind.runtime === RUNTIME_WASM && binary.length > imageBytes)
    throw tooLarge("image", binary.length, imageBytes, name);
  const image = await make({ wasm: binary, ...kind });
  const { bytes, memoryBytes, neededBytes } = image;
  if (bytes.length > imageBytes) throw tooLarge("translated image", bytes.length, imageBytes, name);
  if (memoryBytes > functionMemoryBytes)
    throw tooLarge("memory of one function", memoryBytes, functionMemoryBytes, name);
  checkMemory(device, neededBytes);
  return image;
}

/**
 * Decides whether a device can run a resource.
 * @throws EdgelessError EDGELESS_UNKNOWN_CLASS, EDGELESS_REJECTED
 */
export function admitResource(specification: ResourceSpecification, device: Applicant): void {
  const classes = device.facts.providers.map(({ classType }) => classType);
  if (!classes.includes(specification.classType))
    throw new EdgelessError(
      "EDGELESS_UNKNOWN_CLASS",
      `the device ${device.name} has no resource class "${specification.classType}"; available: ${classes.join(", ") || "none"}`,
    );
  checkInstances(device);
}

/** @throws EdgelessError EDGELESS_REJECTED when the device runs as many instances as it can */
export function checkInstances({ name, facts, instances }: Omit<Applicant, "freeMemoryBytes">): void {
  const most = facts.limits.instances;
  if (instances >= most)
    throw reject(`the device ${name} is full: it runs ${instances} of at most ${most} instances`);
}

/** How images are made ready for a device; undefined when it has no engine for functions. */
export function imageKindOf(facts: DeviceFacts): ImageKind | undefined {
  const runtime = runtimeOf(facts);
  return runtime === undefined ? undefined : { runtime, maxMemoryBytes: facts.limits.functionMemoryBytes };
}

/** The engine that is used on a device; translated functions are several times slower. */
function runtimeOf({ runtimes }: DeviceFacts): number | undefined {
  return [RUNTIME_WASM, RUNTIME_JS].find((runtime) => runtimes.includes(runtime));
}

/** @throws EdgelessError EDGELESS_WASM_TOO_LARGE when the device has not so much memory free */
export function checkMemory({ name, freeMemoryBytes }: Applicant, neededBytes: number): void {
  if (neededBytes > freeMemoryBytes) throw tooLarge("free memory", neededBytes, freeMemoryBytes, name);
}

function tooLarge(what: string, neededBytes: number, limitBytes: number, name: string): EdgelessError {
  return new EdgelessError(
    "EDGELESS_WASM_TOO_LARGE",
    `the function does not fit the device ${name}: ${what}: ${neededBytes} bytes are needed, ${limitBytes} are there, ${neededBytes - limitBytes} too few`,
  );
}

function reject(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_REJECTED", reason);
}
