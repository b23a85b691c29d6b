import { EdgelessError } from "../../core/errors.js";
import { BUILD_PROFILES, type BuildProfile } from "../../toolchain/assemblyscript/build-profile.js";

/**
 * The value of `--profile`, as an option of a build; without it `function.json` decides.
 * @throws EdgelessError EDGELESS_USAGE
 */
export function buildProfile(text: string | undefined): { readonly profile?: BuildProfile } {
  if (text === undefined) return {};
  const profile = BUILD_PROFILES.find((known) => known === text);
  if (profile === undefined) {
    throw new EdgelessError("EDGELESS_USAGE", `--profile takes ${BUILD_PROFILES.join(", ")}, not "${text}"`);
  }
  return { profile };
}
