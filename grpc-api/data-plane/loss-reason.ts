/** Why the data plane lost an event. */
export type LossReason = "peer-queue-full" | "unknown-peer" | "unknown-instance" | "peer-unreachable";
