import type { Parser, Source } from "assemblyscript";
import { decoratedClasses, isFunctionDecorator, outputNames } from "./source-facts.js";

/** `CommonFlags.Export` of the compiler, which it publishes as a constant that other modules cannot import. */
const EXPORT_FLAG = 2;

/**
 * Runs inside the compiler after parsing: takes the decorator off the function's class, exports the class for the
 * generated entry and collects the output channels of all files of the user.
 */
export class ClassTransform {
  readonly outputs: string[] = [];

  afterParse(parser: Parser): void {
    for (const source of parser.sources) if (isOwn(source)) this.#take(source);
  }

  #take(source: Source): void {
    for (const declaration of decoratedClasses(source)) {
      const rest = declaration.decorators?.filter((decorator) => !isFunctionDecorator(decorator)) ?? [];
      declaration.decorators = rest.length > 0 ? rest : null;
      declaration.flags |= EXPORT_FLAG;
    }
    for (const name of outputNames(source)) if (!this.outputs.includes(name)) this.outputs.push(name);
  }
}

function isOwn(source: Source): boolean {
  return !source.internalPath.startsWith("~lib/");
}
