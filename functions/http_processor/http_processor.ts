import { EdgeFunction, Event, log, Reply } from "edgeless";
import { HttpRequest, HttpResponse } from "edgeless/http";

/** Answers HTTP requests: `/hello` with `World`. */
@edgeFunction
class HttpProcessor extends EdgeFunction {
  onCast(event: Event): void {
    log.info("cast: " + event.text);
  }

  onCall(event: Event): Reply {
    const request = HttpRequest.parse(event.text);
    if (request === null) throw new Error("the payload is no HTTP request");
    const found = request.path == "/hello";
    return Reply.text(HttpResponse.of(found ? 200 : 404, found ? "World" : "Not Found").toString());
  }
}
