import { HttpBody } from "./http-body";
import { Headers } from "./http-headers";
import { JsonReader } from "./json-reader";
import { JsonWriter } from "./json-writer";

/** A response as the HTTP resources exchange it with functions. */
export class HttpResponse {
  /** Status code, such as 200. */
  status: i32;
  /** Null: none. */
  body: HttpBody | null = null;
  /** Header fields. */
  readonly headers: Headers = new Headers();

  /** A response without body. */
  constructor(status: i32) {
    this.status = status;
  }

  /** A response with a text as body. */
  static of(status: i32, text: string): HttpResponse {
    const response = new HttpResponse(status);
    response.body = HttpBody.fromText(text);
    return response;
  }

  /** Reads the JSON of a response; null when it is malformed or a key is missing. Only the body may be missing. */
  static parse(text: string): HttpResponse | null {
    const json = new JsonReader(text);
    const response = new HttpResponse(0);
    let seen = 0;
    if (json.beginObject()) {
      while (json.nextKey()) {
        if (json.key == "status") {
          const status = json.integer();
          if (status < 0 || status > 65535) json.ok = false;
          response.status = <i32>status;
          seen |= 1;
        } else if (json.key == "headers") {
          response.headers.read(json);
          seen |= 2;
        } else if (json.key == "body") response.body = HttpBody.read(json);
        else json.skip();
      }
    }
    return json.finished() && seen == 3 ? response : null;
  }

  /** The JSON of the response. */
  toString(): string {
    const json = new JsonWriter();
    json.beginObject().key("body");
    const body = this.body;
    if (body) body.write(json);
    else json.nothing();
    json.key("status").u32(this.status).key("headers");
    this.headers.write(json);
    return json.end().toString();
  }
}
