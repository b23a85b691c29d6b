import { BAD_RESOURCE_CONFIG, DEVICE_FULL, DeviceFault } from "../device-fault.js";

/** Hardware that only one resource may use at a time, by name. */
export class Claims {
  private readonly names: string[];

  constructor() {
    this.names = [];
  }

  /** Takes something for one resource; returns what gives it back. @throws DeviceFault when it is in use */
  claim(name: string): () => void {
    if (this.names.indexOf(name) >= 0) throw new DeviceFault(DEVICE_FULL, `${name} is in use`);
    this.names.push(name);
    return () => {
      const at = this.names.indexOf(name);
      if (at >= 0) this.names.splice(at, 1);
    };
  }
}

/** One of the given words. @throws DeviceFault */
export function oneOf(key: string, value: string, words: string[]): string {
  if (words.indexOf(value) < 0)
    throw new DeviceFault(BAD_RESOURCE_CONFIG, `${key} must be one of ${words.join(", ")}`);
  return value;
}
