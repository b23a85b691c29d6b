import type { LossReason } from "../grpc-api/data-plane/loss-reason.js";

/** Why a gateway lost an event. */
export type DropReason =
  | LossReason
  | "device-queue-full"
  | "device-unreachable"
  | "device-refused"
  | "device-left"
  | "expired"
  | "payload-too-large"
  | "too-many-calls"
  | "late-answer"
  | "instance-stopped"
  | "unknown-route"
  | "unknown-reference"
  | "not-utf-8"
  | "malformed"
  | "unregistered";
