import { BAD_RESOURCE_CONFIG, DEVICE_FULL, DeviceFault } from "../device-fault.js";

/** Hardware that only one resource may use at a time, by name. */
export class Claims {
  private readonly names: string[];

  constructor() {
    this.names = [];
  }

  /**
   * Takes something for one resource; returns what gives it back.
   * @param prepare the first thing to do with it; when that fails it is not taken
   * @throws DeviceFault when it is in use; what `prepare` throws
   */
  claim(name: string, prepare?: () => void): () => void {
    const { names } = this;
    if (names.indexOf(name) >= 0) throw new DeviceFault(DEVICE_FULL, `${name} is in use`);
    if (prepare !== undefined) prepare();
    names.push(name);
    return () => {
      const at = names.indexOf(name);
      if (at >= 0) names.splice(at, 1);
    };
  }
}

/** One of the given words. @throws DeviceFault */
export function oneOf(key: string, value: string, words: string[]): string {
  if (words.indexOf(value) < 0)
    throw new DeviceFault(BAD_RESOURCE_CONFIG, `${key} must be one of ${words.join(", ")}`);
  return value;
}
