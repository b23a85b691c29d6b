import { EdgeFunction, Event, num, Output, Reply } from "edgeless";
import { HttpRequest, HttpResponse } from "edgeless/http";

const parsed = new Output("parsed_value");

/** Passes on the number in the body of a request to `/read_number`. */
@edgeFunction
class HttpReadNumber extends EdgeFunction {
  onCall(event: Event): Reply {
    const request = HttpRequest.parse(event.text);
    if (request === null) throw new Error("the payload is no HTTP request");
    return Reply.text(answer(request).toString());
  }
}

function answer(request: HttpRequest): HttpResponse {
  if (request.path != "/read_number") return HttpResponse.of(404, "invalid path");
  const body = request.body;
  if (body === null) return HttpResponse.of(400, "empty body");
  if (!body.isText) return HttpResponse.of(400, "body is not a string");
  num.parseI32(body.text);
  if (!num.ok()) return HttpResponse.of(400, "body does not contain an integer");
  parsed.castBytes(body.ptr, body.len);
  return new HttpResponse(200);
}
