import { RUNTIME_JS, RUNTIME_WASM } from "../coap-api/operations/register.js";
import { EdgelessError } from "../core/errors.js";
import { type ResourceSpecification, RUST_WASM, type SpawnFunctionRequest } from "../core/specification.js";
import type { DeviceFacts } from "./device-record.js";
import type { ImageLibrary } from "./image-library.js";

/** Size of a page of linear memory. */
const PAGE_BYTES = 65_536;

/** A device as admission sees it. */
export interface Applicant {
  readonly name: string;
  readonly facts: DeviceFacts;
  readonly freeMemoryBytes: number;
  /** Instances that it should run already. */
  readonly instances: number;
}

/** A function that a device can run. */
export interface Admitted {
  readonly wasm: Uint8Array;
  readonly digest: string;
}

/** The run-times that a device offers to a domain, by their EDGELESS names. */
export function domainRuntimes(facts: DeviceFacts): string[] {
  return facts.runtimes.includes(RUNTIME_WASM) ? [RUST_WASM] : [];
}

/**
 * Decides whether a device can run a function.
 * @throws EdgelessError EDGELESS_REJECTED, EDGELESS_BAD_WASM, EDGELESS_WASM_ABI or EDGELESS_WASM_TOO_LARGE, saying what is
 * missing and how much
 */
export function admitFunction(
  request: SpawnFunctionRequest,
  device: Applicant,
  images: ImageLibrary,
): Admitted {
  const { facts, name } = device;
  const { functionType, binary } = request.code;
  if (functionType !== RUST_WASM) {
    const known = domainRuntimes(facts).join(", ") || "none";
    throw reject(
      `no run-time for function type "${functionType}" on the device ${name}; available: ${known}`,
    );
  }
  if (!facts.runtimes.includes(RUNTIME_WASM)) {
    const why = facts.runtimes.includes(RUNTIME_JS)
      ? 'its engine runs translated functions (run-time "js"), and this gateway has no translator'
      : "it has no engine for functions";
    throw reject(`the device ${name} cannot run the function: ${why}`);
  }
  if (binary === undefined || binary.length === 0) throw reject("the function has no code");
  const { imageBytes, functionMemoryBytes } = facts.limits;
  checkInstances(device);
  if (binary.length > imageBytes) throw tooLarge("image", binary.length, imageBytes, name);
  const pages = Math.floor(functionMemoryBytes / PAGE_BYTES);
  const { digest, info } = images.check(binary, Math.max(pages, 1));
  const memoryBytes = (info.memory?.minPages ?? 0) * PAGE_BYTES;
  if (memoryBytes > functionMemoryBytes)
    throw tooLarge("memory of one function", memoryBytes, functionMemoryBytes, name);
  if (memoryBytes > device.freeMemoryBytes)
    throw tooLarge("free memory", memoryBytes, device.freeMemoryBytes, name);
  return { wasm: binary, digest };
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

function checkInstances({ name, facts, instances }: Applicant): void {
  const most = facts.limits.instances;
  if (instances >= most)
    throw reject(`the device ${name} is full: it runs ${instances} of at most ${most} instances`);
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
