import { JsonReader } from "./json-reader";
import { JsonWriter } from "./json-writer";

/** Header fields in the order they were set. */
export class Headers {
  /** Names and values in turn. */
  private fields: string[] = [];

  /** The value of a field, null when there is none; names are compared as they are. */
  get(name: string): string | null {
    const index = this.indexOf(name);
    return index < 0 ? null : this.fields[index + 1];
  }

  /** Sets a field, or replaces the value of one with exactly this name. */
  set(name: string, value: string): void {
    const index = this.indexOf(name);
    if (index >= 0) {
      this.fields[index + 1] = value;
      return;
    }
    this.fields.push(name);
    this.fields.push(value);
  }

  /** Reads a JSON object of texts. */
  read(json: JsonReader): void {
    if (json.beginObject()) while (json.nextKey()) this.set(json.key, json.string());
  }

  /** Writes a JSON object of texts. */
  write(json: JsonWriter): void {
    json.beginObject();
    for (let i = 0; i < this.fields.length; i += 2) json.key(this.fields[i]).string(this.fields[i + 1]);
    json.end();
  }

  private indexOf(name: string): i32 {
    for (let i = 0; i < this.fields.length; i += 2) if (this.fields[i] == name) return i;
    return -1;
  }
}
