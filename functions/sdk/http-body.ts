import { JsonReader } from "./json-reader";
import { JsonWriter } from "./json-writer";
import { isUtf8, readUtf8, utf8Bound, writeUtf8 } from "./text";

const NO_BYTES = new ArrayBuffer(0);

/** The bytes of a message, which JSON carries as an array of numbers, or `null` when there are none. */
export class HttpBody {
  private bytes: ArrayBuffer = NO_BYTES;
  private size: i32 = 0;

  /** Makes a body of the UTF-8 form of a text. */
  static fromText(text: string): HttpBody {
    const body = new HttpBody();
    body.bytes = new ArrayBuffer(<i32>utf8Bound(text));
    body.size = <i32>writeUtf8(text, body.ptr);
    return body;
  }

  /** Reads an array of bytes, or `null`, which gives null. What is neither makes `ok` of the reader false. */
  static read(json: JsonReader): HttpBody | null {
    if (json.nothing()) return null;
    const body = new HttpBody();
    if (json.beginArray()) while (json.nextItem()) body.push(json);
    return body;
  }

  /** Address of the bytes. */
  get ptr(): usize {
    return changetype<usize>(this.bytes);
  }

  /** Number of bytes. */
  get len(): i32 {
    return this.size;
  }

  /** True when the bytes are UTF-8. */
  get isText(): boolean {
    return isUtf8(this.ptr, this.size);
  }

  /** The bytes as text; look at `isText` first: other bytes give some text. */
  get text(): string {
    return readUtf8(this.ptr, this.size);
  }

  /** Writes an array of numbers. */
  write(json: JsonWriter): void {
    json.beginArray();
    for (let i = 0; i < this.size; i++) json.u32(load<u8>(this.ptr + <usize>i));
    json.end();
  }

  /** Reads one more byte, a number from 0 to 255; another makes `ok` of the reader false. */
  push(json: JsonReader): void {
    const value = json.integer();
    if (value < 0 || value > 255) json.ok = false;
    if (this.size == this.bytes.byteLength) {
      const larger = new ArrayBuffer(max(32, this.size << 1));
      memory.copy(changetype<usize>(larger), this.ptr, this.size);
      this.bytes = larger;
    }
    store<u8>(this.ptr + <usize>this.size, <u32>value);
    this.size++;
  }
}
