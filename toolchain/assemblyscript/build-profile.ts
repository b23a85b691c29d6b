/** How a function is compiled: for servers, for the smallest boards, or for finding a fault. */
export type BuildProfile = "normal" | "tiny" | "debug";

/** All profiles, in the order help texts name them. */
export const BUILD_PROFILES = ["normal", "tiny", "debug"] as const satisfies readonly BuildProfile[];

/**
 * How a function manages its memory: a collector that runs after each handler, or an arena that forgets everything
 * at the start of each event (smaller, possible only when no object outlives an event).
 */
export type MemoryScheme = "collected" | "arena";

/** Linear memory that a function of the tiny profile may use, in bytes. */
export const TINY_MEMORY_LIMIT = 16384;

/** Arguments of the AssemblyScript compiler for a profile. */
export function compilerArguments(profile: BuildProfile, memory: MemoryScheme): string[] {
  const runtime = ["--runtime", memory === "arena" ? "stub" : "minimal"];
  // A class that is exported only for the generated entry makes the compiler warn (AS235).
  const common = [...runtime, "--disableWarning", "235"];
  if (profile === "debug") return [...common, "-O1", "--debug", "--use", "abort=~lib/edgeless/abort/abort"];
  const small = [...common, "-Oz", "--converge", "--noAssert", "--use", "abort="];
  if (profile === "normal") return small;
  const limit = memory === "arena" ? [] : ["--lowMemoryLimit", String(TINY_MEMORY_LIMIT)];
  return [...small, ...limit, "--initialMemory", "1", "--maximumMemory", "1"];
}
