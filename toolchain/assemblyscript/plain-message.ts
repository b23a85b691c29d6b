import type { Diagnostic } from "./diagnostic.js";

/** How each handler is declared. */
export const HANDLERS: ReadonlyMap<string, string> = new Map([
  ["onInit", "onInit(payload: string, state: string): void"],
  ["onCast", "onCast(event: Event): void"],
  ["onCall", "onCall(event: Event): Reply"],
  ["onStop", "onStop(): void"],
]);

/** A complaint of the compiler in the words of a person who writes TypeScript: types and packages without its paths. */
export function plainMessage(message: string): string {
  const [, missing] = /^File '~lib\/(.+)\.ts' not found\.$/.exec(message) ?? [];
  if (missing !== undefined) {
    return `There is no package "${missing}": a function imports "edgeless", its parts, and files of its own folder.`;
  }
  return message
    .replaceAll(/~lib\/string\/String\b/g, "string")
    .replace(/Module '~lib\/([^']+)'/, "Module '$1'")
    .replaceAll(/(?<=')(?:~lib\/)?(?:[\w.-]+\/)+(?=[A-Z])/g, "");
}

/** Says how a handler is declared, where the compiler only says that it is declared wrongly, and what there is instead of promises. */
export function explained(diagnostic: Diagnostic): Diagnostic {
  if (/^\s*(?:export\s+)?async\s|\bawait\s/.test(diagnostic.source)) {
    return { ...diagnostic, message: "there is no async and no await: output.call(text) waits by itself" };
  }
  if (!diagnostic.message.includes("overload signature is not compatible")) return diagnostic;
  const [, name = ""] = /^\s*(?:(?:public|override)\s+)*(\w+)/.exec(diagnostic.source) ?? [];
  const declaration = HANDLERS.get(name);
  return declaration === undefined
    ? diagnostic
    : { ...diagnostic, message: `${name} must be declared as ${declaration}` };
}
