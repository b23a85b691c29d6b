import type { BuildProfile, MemoryScheme } from "./build-profile.js";

/** Name under which the generated entry is known to the compiler; nothing is written to disk. */
export const ENTRY_FILE = "edgeless-entry.ts";

/** What the entry file is generated from. */
export interface EntryPlan {
  /** File of the decorated class, relative to the folder, without `.ts`. */
  readonly module: string;
  readonly className: string;
  /** Handlers that the class itself defines; undefined when it derives from another class of the user. */
  readonly handlers: ReadonlySet<string> | undefined;
  /** Class name of the function, the target of its log lines. */
  readonly functionId: string;
  readonly profile: BuildProfile;
  readonly memory: MemoryScheme;
}

/** The AssemblyScript source that joins the user's class to the eight exports of the guest ABI. */
export function entrySource(plan: EntryPlan): string {
  const has = (handler: string): boolean => plan.handlers?.has(handler) ?? true;
  const id = Buffer.from(plan.functionId, "utf8");
  const arena = plan.memory === "arena";
  const memory = arena ? "edgeless/glue-arena" : "edgeless/glue-collected";
  const event = "beginEvent(node, component, ptr, len)";
  const source = "node: usize, component: usize, ptr: usize, len: usize";
  const init = has("onInit") ? "instance.onInit(readUtf8(ptr, len), readUtf8(state, stateLen));" : "";
  const cast = has("onCast") ? `instance.onCast(${event});\n  endEvent();` : "";
  const call = has("onCall")
    ? `const code = giveReply(instance.onCall(${event}), ptrSlot, lenSlot);\n  endEvent();\n  return code;`
    : "return 0;";
  const stop = has("onStop") ? "instance.onStop();\n  endEvent();" : "";
  return `import { ${plan.className} } from "./${plan.module}";
import { beginEvent } from "edgeless/event";
import { endEvent, endInit } from "${memory}";
import { setLogTarget } from "edgeless/log";
import { giveReply } from "edgeless/reply";
import { readUtf8 } from "edgeless/text";
${plan.profile === "debug" ? 'import "edgeless/abort";\n' : ""}
export { edgeless_mem_alloc, edgeless_mem_clear, edgeless_mem_free } from "${memory}";

setLogTarget(memory.data<u8>([${[...id].join(", ")}]), ${id.length});
const instance = new ${plan.className}();
${arena ? "endInit();\n" : ""}
export function handle_init_asm(ptr: usize, len: usize, state: usize, stateLen: usize): void {
  ${init}
  endInit();
}

export function handle_cast_asm(${source}): void {
  ${cast}
}

export function handle_call_asm(${source}, ptrSlot: usize, lenSlot: usize): i32 {
  ${call}
}

export function handle_stop_asm(): void {
  ${stop}
}
`;
}
