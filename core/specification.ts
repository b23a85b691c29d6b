import type { Uuid } from "./uuid.js";

/** Text to text, as the proto maps. A Map, so that no key can collide with a property of objects. */
export type StringMap = ReadonlyMap<string, string>;

/** The run-time name of functions with the EDGELESS wasm guest ABI, whatever language they were written in. */
export const RUST_WASM = "RUST_WASM";

/** The run-time name of functions that run outside the node, in containers or as servers of their own. */
export const CONTAINER = "CONTAINER";

/** Proto message `FunctionClassSpecification`. */
export interface FunctionClass {
  /** Class name. */
  readonly id: string;
  /** Run-time needed, compared as an exact string. */
  readonly functionType: string;
  readonly version: string;
  /** Module bytes; absent when the run-time needs none. */
  readonly binary?: Uint8Array;
  /** Locator whose meaning belongs to the run-time. */
  readonly code?: string;
  /** Declared output channels; informative. */
  readonly outputs: readonly string[];
}

/** How long state handed over with `sync` is kept. Proto enum `StatePolicy`. */
export type StatePolicy = "transient" | "node-local" | "global";

/** Proto message `StateSpecification`. */
export interface StateSpecification {
  readonly stateId: Uuid;
  readonly policy: StatePolicy;
}

/** Proto message `SpawnFunctionRequest`. */
export interface SpawnFunctionRequest {
  readonly code: FunctionClass;
  readonly annotations: StringMap;
  readonly state: StateSpecification;
  /** UUID text by convention, not validated. */
  readonly workflowId: string;
}

/** Proto message `ResourceInstanceSpecification`. */
export interface ResourceSpecification {
  readonly classType: string;
  readonly configuration: StringMap;
  /** UUID text by convention, not validated. */
  readonly workflowId: string;
}

/** Proto message `ResourceProviderSpecification`. */
export interface ResourceProvider {
  /** Unique in the domain, not empty. */
  readonly providerId: string;
  /** Resource class, not empty. */
  readonly classType: string;
  readonly outputs: readonly string[];
}
