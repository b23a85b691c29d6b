import type { InstanceId } from "../../core/instance-id.js";
import type { SpawnFunctionRequest } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import type { Receiver } from "../../grpc-api/data-plane/receiver.js";

/** Hosts function instances of one function_type on a node. */
export interface FunctionRuntime extends Receiver {
  /** The function_type it runs. */
  readonly functionType: string;
  /**
   * Accepts an instance; init happens afterwards, events wait meanwhile. A large module is prepared before; until then,
   * what it gives is a promise, and the instance can be wired and stopped all the same.
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI or EDGELESS_WASM_TOO_LARGE when the code can never run
   * here; EDGELESS_REJECTED when the node already runs or prepares as many functions as it may, EDGELESS_TIMEOUT
   */
  start(functionId: Uuid, request: SpawnFunctionRequest): void | Promise<void>;
  /** Stops an instance between two events; resolves when it is gone. An unknown id is no error. */
  stop(functionId: Uuid): Promise<void>;
  /** Replaces the output wiring; an unknown id is no error. */
  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void;
  /** Every instance and where it stands. */
  statuses(): readonly InstanceStatus[];
  /** The states that its instances keep on the node. */
  stateIds(): readonly Uuid[];
  /** Stops everything; resolves when all is gone. */
  reset(): Promise<void>;
  /** Stops everything and frees threads and timers. */
  close(): Promise<void>;
}
