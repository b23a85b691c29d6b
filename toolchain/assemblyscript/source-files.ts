import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SDK_PACKAGE } from "./sdk-folder.js";

const SDK_FILE = new RegExp(`(?:^|/)node_modules/${SDK_PACKAGE}/(.+)$`);

/** The compiler's view of the file system: the function's folder, the SDK as a package, and generated files. */
export class SourceFiles {
  readonly #sdk: string;
  readonly #generated: ReadonlyMap<string, string>;
  /** Text of every file handed out, by absolute path. */
  readonly read = new Map<string, string>();

  constructor(sdk: string, generated: ReadonlyMap<string, string>) {
    this.#sdk = sdk;
    this.#generated = generated;
  }

  /** Text of a file as the compiler names it; null when there is none. */
  text(name: string, folder: string): string | null {
    const normalized = name.replaceAll("\\", "/");
    const generated = this.#generated.get(normalized);
    if (generated !== undefined) return generated;
    const inSdk = SDK_FILE.exec(normalized)?.[1];
    // The package exists once: an installed one of the same name must not shadow it.
    const path = inSdk === undefined ? resolve(folder, normalized) : join(this.#sdk, inSdk);
    try {
      const text = readFileSync(path, "utf8");
      this.read.set(path, text);
      return text;
    } catch {
      return null;
    }
  }

  /** Absolute path of a source as diagnostics name it: relative to the folder, or below `~lib/`. */
  pathOf(normalizedPath: string, folder: string): string {
    const prefix = `~lib/${SDK_PACKAGE}/`;
    if (normalizedPath.startsWith(prefix)) return join(this.#sdk, normalizedPath.slice(prefix.length));
    return resolve(folder, normalizedPath);
  }
}
