import { EdgelessError } from "../../core/errors.js";
import { BUILD_PROFILES, type BuildProfile } from "../../toolchain/assemblyscript/build-profile.js";

/**
 * The value of `--profile`.
 * @throws EdgelessError EDGELESS_USAGE
 */
export function buildProfile(text: string): BuildProfile {
  const profile = BUILD_PROFILES.find((known) => known === text);
  if (profile === undefined) {
    throw new EdgelessError("EDGELESS_USAGE", `--profile takes ${BUILD_PROFILES.join(", ")}, not "${text}"`);
  }
  return profile;
}
