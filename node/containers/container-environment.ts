import type { Clock } from "../../core/clock.js";
import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { StateSpecification } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import type { ClientTls } from "../../grpc-api/index.js";
import type { DelayedCasts } from "../functions/delayed-casts.js";
import type { StateStore } from "../functions/state-store.js";
import type { TextBudget } from "../functions/text-budget.js";
import type { OutgoingCalls } from "../resources/outgoing-calls.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import type { ContainerCode } from "./container-code.js";
import type { ContainerSettings } from "./container-settings.js";
import type { GuestPlace } from "./guest-place.js";

/** Everything an instance needs to begin. */
export interface ContainerStart {
  readonly self: InstanceId;
  readonly code: ContainerCode;
  readonly initPayload: string;
  readonly state: StateSpecification;
  readonly workflowId: string;
}

/** What an instance uses of the run-time that owns it. */
export interface ContainerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly settings: ContainerSettings;
  readonly states: StateStore;
  /** Bounds the text in all mailboxes. */
  readonly budget: TextBudget;
  readonly delayed: DelayedCasts;
  readonly calls: OutgoingCalls;
  /** What functions are told about the node. */
  readonly hostUrl: string;
  /** For functions at https URLs. */
  readonly tls?: ClientTls;
  /** Finds or starts the function's place. */
  open(code: ContainerCode, functionId: Uuid, workflowId: string): Promise<GuestPlace>;
  /** Sends an event to any instance. */
  route(event: Event): void;
}
