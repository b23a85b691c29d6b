import { JsonReader } from "./json-reader";
import { JsonWriter } from "./json-writer";

/** Header fields in the order they were set. */
export class Headers {
  private names: string[] = [];
  private values: string[] = [];

  /** The value of a field, null when there is none; names are compared as they are. */
  get(name: string): string | null {
    const index = this.names.indexOf(name);
    return index < 0 ? null : this.values[index];
  }

  /** Sets a field, or replaces the value of one with exactly this name. */
  set(name: string, value: string): void {
    const index = this.names.indexOf(name);
    if (index >= 0) {
      this.values[index] = value;
      return;
    }
    this.names.push(name);
    this.values.push(value);
  }

  /** Reads a JSON object of texts. */
  read(json: JsonReader): void {
    if (json.beginObject()) while (json.nextKey()) this.set(json.key, json.string());
  }

  /** Writes a JSON object of texts. */
  write(json: JsonWriter): void {
    json.beginObject();
    for (let i = 0; i < this.names.length; i++) json.key(this.names[i]).string(this.values[i]);
    json.end();
  }
}
