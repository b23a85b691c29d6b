import { EdgeFunction, Event, log, Output, self } from "edgeless";
import { HttpBody, HttpRequest, HttpResponse } from "edgeless/http";

const egress = new Output("http_e");

/** Asks a public web service once and logs what it says. */
@edgeFunction
class HttpRequestor extends EdgeFunction {
  onInit(payload: string, state: string): void {
    self.delayedCast(5000, "wakeup");
  }

  onCast(event: Event): void {
    const request = new HttpRequest();
    request.protocol = "HTTPS";
    request.host = "api.github.com:443";
    request.path = "/users/octocat/keys";
    request.headers.set("Accept", "application/vnd.github+json");
    request.headers.set("User-Agent", "edgeless");
    const reply = egress.call(request.toString());
    const response = reply.hasText ? HttpResponse.parse(reply.text) : null;
    let body: HttpBody | null = null;
    if (response !== null) body = response.body;
    log.info(body !== null && body.isText ? body.text : "no response");
  }
}
