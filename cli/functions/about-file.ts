import { EdgelessError } from "../../core/errors.js";

/** Does something with the content of a file; an error that comes of it names the file. */
export async function aboutFile<T>(file: string, use: () => T | Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof EdgelessError)) throw error;
    throw new EdgelessError(error.code, `${file}: ${error.message}`, error);
  }
}
