import type { DomainUpdate } from "../../core/api.js";

/** What an ε-ORC tells about itself, apart from the deadline. */
export type DomainReport = Omit<DomainUpdate, "refreshDeadline" | "isSameOffer">;
