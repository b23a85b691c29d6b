import { PreparedInstance } from "../../toolchain/engine/prepared-instance.js";
import type { Instantiate } from "./instance-environment.js";

/** Makes guests of modules that the toolchain prepared. */
export const instantiatePrepared: Instantiate = (module, imports, fuel) =>
  new PreparedInstance(module, imports, fuel);
