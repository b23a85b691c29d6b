import { HttpBody } from "./http-body";
import { JsonReader } from "./json-reader";
import { JsonWriter } from "./json-writer";

/**
 * A message of the DDA resource: one key that names it, and as value a text, some bytes, or both in an array.
 * `{"ComPublishEvent":["alias",[1,2]]}` has the kind `ComPublishEvent`, the text `alias` and two bytes.
 */
export class DdaMessage {
  /** Its name, such as `ComPublishEvent`. */
  readonly kind: string;
  /** Alias, key or correlation id; empty when there is none. */
  text: string = "";
  /** Data; null when there is none. */
  bytes: HttpBody | null = null;

  constructor(kind: string) {
    this.kind = kind;
  }

  /** Makes a message of a text and bytes. */
  static of(kind: string, text: string, bytes: HttpBody): DdaMessage {
    const message = new DdaMessage(kind);
    message.text = text;
    message.bytes = bytes;
    return message;
  }

  /** Makes a message of a text alone. */
  static ofText(kind: string, text: string): DdaMessage {
    const message = new DdaMessage(kind);
    message.text = text;
    return message;
  }

  /** Reads a message of any kind; null when it is malformed. Values that are neither text nor bytes are left out. */
  static parse(text: string): DdaMessage | null {
    const json = new JsonReader(text);
    if (!json.beginObject() || !json.nextKey()) return null;
    const message = new DdaMessage(json.key);
    message.readValue(json);
    return !json.nextKey() && json.finished() ? message : null;
  }

  /** The JSON of the message. */
  toString(): string {
    const json = new JsonWriter();
    json.beginObject().key(this.kind);
    const bytes = this.bytes;
    if (bytes === null) json.string(this.text);
    else {
      json.beginArray().string(this.text);
      bytes.write(json);
      json.end();
    }
    return json.end().toString();
  }

  private readValue(json: JsonReader): void {
    const kind = json.peekKind();
    if (kind == '"') this.text = json.string();
    else if (kind != "[") json.skip();
    else if (json.beginArray()) this.readItems(json);
  }

  /** An array is a text with what belongs to it, or bytes alone. */
  private readItems(json: JsonReader): void {
    const bytes = new HttpBody();
    while (json.nextItem()) {
      const kind = json.peekKind();
      if (kind == '"') this.text = json.string();
      else if (kind == "[") this.bytes = HttpBody.read(json);
      else if (this.text.length) json.skip();
      else bytes.push(json);
    }
    if (this.bytes === null) this.bytes = bytes;
  }
}
