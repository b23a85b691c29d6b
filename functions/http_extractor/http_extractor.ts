import { EdgeFunction, Event, Output, Reply } from "edgeless";
import { HttpRequest, HttpResponse } from "edgeless/http";

const out = new Output("out");

/** Casts the bodies of requests. */
@edgeFunction
class HttpExtractor extends EdgeFunction {
  onCall(event: Event): Reply {
    const request = HttpRequest.parse(event.text);
    if (request === null) throw new Error("the payload is no HTTP request");
    const body = request.body;
    // A host ends the function when the bytes are no UTF-8.
    if (body !== null) out.castBytes(body.ptr, body.len);
    return Reply.text(new HttpResponse(200).toString());
  }
}
