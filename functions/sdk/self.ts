import { Output } from "./output";

/**
 * This very instance: always mapped, cannot be remapped; delayed casts to it are timers. A call to it is never answered, because
 * the instance is waiting: nodes of this project end it with an error after 30 s.
 */
export const self: Output = new Output("self");
