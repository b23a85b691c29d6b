import type { Parser, Source } from "assemblyscript";
import type { MemoryScheme } from "./build-profile.js";
import { type HostCall, hostCalls } from "./host-calls.js";
import { encodeOutputNames, makeLazy, replaceRuntime } from "./lean-sdk.js";
import { SDK_PACKAGE } from "./sdk-folder.js";
import { decoratedClasses, isFunctionDecorator, outputNames } from "./source-facts.js";

/** `CommonFlags.Export` of the compiler, which it publishes as a constant that other modules cannot import. */
const EXPORT_FLAG = 2;

/**
 * Runs inside the compiler after parsing: takes the decorator off the function's class, exports the class for the
 * generated entry, collects what the build wants to know of the user's files, and makes the syntax tree leaner.
 */
export class ClassTransform {
  /** Output channels, in the order they appear. */
  readonly outputs: string[] = [];
  /** Uses of what no host offers, with the path of the file as the compiler names it. */
  readonly hostCalls: (HostCall & { readonly path: string })[] = [];
  readonly #memory: MemoryScheme;

  constructor(memory: MemoryScheme) {
    this.#memory = memory;
  }

  afterParse(parser: Parser): void {
    if (this.#memory === "arena") replaceRuntime(parser.sources);
    for (const source of parser.sources) {
      const { internalPath } = source;
      const sdk = internalPath.startsWith(`~lib/${SDK_PACKAGE}/`);
      const own = !internalPath.startsWith("~lib/");
      if (own) this.#take(source);
      if (sdk) makeLazy(source);
      if (own || sdk) encodeOutputNames(source);
    }
  }

  #take(source: Source): void {
    for (const declaration of decoratedClasses(source)) {
      const rest = declaration.decorators?.filter((decorator) => !isFunctionDecorator(decorator)) ?? [];
      declaration.decorators = rest.length > 0 ? rest : null;
      declaration.flags |= EXPORT_FLAG;
    }
    for (const name of outputNames(source)) if (!this.outputs.includes(name)) this.outputs.push(name);
    for (const call of hostCalls(source)) this.hostCalls.push({ ...call, path: source.normalizedPath });
  }
}
