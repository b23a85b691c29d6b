import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { EdgelessError, reasonOf } from "../../core/errors.js";

/**
 * The path of a file that is, links followed, below a folder; the file need not be there, its folder must.
 * @param what the folder is for, named in errors
 * @throws EdgelessError EDGELESS_BAD_RESOURCE_CONFIG
 */
export function pathWithin(folder: string, name: string, what: string): string {
  if (name.includes("\0")) throw bad("the name of the file has a zero byte");
  const top = realpathOf(folder, folder);
  const path = resolve(top, name);
  const real = join(realpathOf(dirname(path), name), basename(path));
  const isWithin = real.startsWith(top === sep ? sep : `${top}${sep}`);
  if (!isWithin) throw bad(`the file "${name}" is outside of the folder for ${what}`);
  if (!isFileOrNothing(real, name)) throw bad(`"${name}" is no ordinary file`);
  return real;
}

function isFileOrNothing(path: string, name: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch (error) {
    throw bad(`the file "${name.slice(0, 100)}" cannot be used: ${reasonOf(error).split(",")[0]}`);
  }
}

function realpathOf(folder: string, name: string): string {
  try {
    return realpathSync(folder);
  } catch {
    throw bad(`the folder of "${name.slice(0, 100)}" does not exist`);
  }
}

function bad(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reason);
}
