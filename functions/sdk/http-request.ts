import { HttpBody } from "./http-body";
import { Headers } from "./http-headers";
import { JsonReader } from "./json-reader";
import { JsonWriter } from "./json-writer";

const METHODS: string[] = ["Get", "Head", "Post", "Put", "Delete", "Patch"];
const PROTOCOLS: string[] = ["Unknown", "HTTP", "HTTPS"];

/** A request as the HTTP resources exchange it with functions. */
export class HttpRequest {
  /** `Get`, `Head`, `Post`, `Put`, `Delete` or `Patch`. */
  method: string = "Get";
  /** `Unknown`, `HTTP` or `HTTPS`. */
  protocol: string = "HTTP";
  /** Host, optionally with a port. */
  host: string = "";
  /** Path and query. */
  path: string = "";
  /** Null: none. */
  body: HttpBody | null = null;
  /** Header fields. */
  readonly headers: Headers = new Headers();

  /** Reads the JSON of a request; null when it is malformed or a key is missing. Only the body may be missing. */
  static parse(text: string): HttpRequest | null {
    const json = new JsonReader(text);
    const request = new HttpRequest();
    let seen = 0;
    if (json.beginObject()) {
      while (json.nextKey()) {
        if (json.key == "method") {
          request.method = json.string();
          seen |= 1;
        } else if (json.key == "protocol") {
          request.protocol = json.string();
          seen |= 2;
        } else if (json.key == "host") {
          request.host = json.string();
          seen |= 4;
        } else if (json.key == "path") {
          request.path = json.string();
          seen |= 8;
        } else if (json.key == "headers") {
          request.headers.read(json);
          seen |= 16;
        } else if (json.key == "body") request.body = HttpBody.read(json);
        else json.skip();
      }
    }
    if (!json.finished() || seen != 31) return null;
    return METHODS.includes(request.method) && PROTOCOLS.includes(request.protocol) ? request : null;
  }

  /** The JSON of the request. */
  toString(): string {
    const json = new JsonWriter();
    json.beginObject();
    json.key("method").string(this.method);
    json.key("protocol").string(this.protocol);
    json.key("host").string(this.host);
    json.key("path").string(this.path);
    json.key("body");
    const body = this.body;
    if (body) body.write(json);
    else json.nothing();
    json.key("headers");
    this.headers.write(json);
    return json.end().toString();
  }
}
