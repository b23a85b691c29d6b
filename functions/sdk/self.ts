import { Output } from "./output";

/** This very instance: always mapped, cannot be remapped. A call to it waits for ever. */
export const self: Output = new Output("self");
