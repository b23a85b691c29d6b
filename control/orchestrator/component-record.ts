import type { DeploymentRequirements } from "../../core/deployment-requirements.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import type { Uuid } from "../../core/uuid.js";
import type { Spawn } from "./commands.js";

/** Waiting times before a component that every node refused is tried again. */
const PLACEMENT_RETRY: RetryPolicy = { initialMs: 500, factor: 2, maximumMs: 30_000, jitter: 0.2 };

/** Wiring of an instance that was just started: no outputs. */
export const NO_WIRING = "";

/** A logical component and where its instance stands. */
export interface ComponentRecord {
  readonly logicalId: Uuid;
  /** Order of acceptance. */
  readonly sequence: number;
  readonly spawn: Spawn;
  readonly requirements: DeploymentRequirements;
  /** Function class that `max_instances` counts; empty for resources. */
  readonly classKey: string;
  /** Output channel to logical id, as the ε-CON wants it. */
  outputs: ReadonlyMap<string, Uuid>;
  instance: InstanceId | undefined;
  /** Reports its node had made when the instance was placed. */
  placedAtReport: number;
  /** A start that is queued (`issued` false) or under way; beside an instance: a migration. */
  start: { readonly nodeId: Uuid; issued: boolean } | undefined;
  /** Former instance, stopped as soon as nobody sends to it any more. */
  retiring: { readonly instance: InstanceId; readonly deadlineMs: number } | undefined;
  /** Node that a migration asked for and that is still to be reached. */
  preferred: Uuid | undefined;
  /** Node that holds its saved state. */
  home: Uuid | undefined;
  /** Wiring that its instance is known to have; undefined: not known. */
  wiring: string | undefined;
  /** Wiring that its node refused last. */
  refusedWiring: string | undefined;
  isPatching: boolean;
  /** Nodes that failed to start it in this round, and why. */
  readonly tried: Map<Uuid, string>;
  readonly retry: RetrySchedule;
  /** Nodes in `tried` are tried again from then on; 0: the round is not over. */
  retryAtMs: number;
  /** The ε-CON waits for the outcome of the first start. */
  waiter: { readonly requestId: number; readonly deadlineMs: number } | undefined;
  /** Why it has no instance; empty when that is not known or it has one. */
  reason: string;
}

/** A component that was never placed. */
export function createComponent(
  facts: Pick<ComponentRecord, "logicalId" | "sequence" | "spawn" | "requirements" | "waiter">,
  random: Random,
): ComponentRecord {
  return {
    ...facts,
    classKey: classKeyOf(facts.spawn),
    outputs: new Map(),
    instance: undefined,
    placedAtReport: 0,
    start: undefined,
    retiring: undefined,
    preferred: undefined,
    home: undefined,
    wiring: NO_WIRING,
    refusedWiring: undefined,
    isPatching: false,
    tried: new Map(),
    retry: new RetrySchedule(PLACEMENT_RETRY, random),
    retryAtMs: 0,
    reason: "",
  };
}

/** Name of a component's class for a person. */
export function describeSpawn(spawn: Spawn): string {
  return spawn.kind === "function"
    ? `function ${spawn.request.code.id}`
    : `resource of class ${spawn.specification.classType}`;
}

function classKeyOf(spawn: Spawn): string {
  if (spawn.kind === "resource") return "";
  const { id, version, functionType } = spawn.request.code;
  return JSON.stringify([id, version, functionType]);
}
