import type { Uuid } from "../../core/uuid.js";
import type { ComponentKind } from "./placement.js";

/** A component that has to be stopped. */
export interface Debt {
  readonly logicalId: Uuid;
  /** Unknown for a component that only a report of the ε-ORC told of. */
  readonly kind: ComponentKind | "unknown";
  readonly domainId: string;
  readonly nonce: bigint;
}
