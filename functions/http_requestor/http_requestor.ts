import { EdgeFunction, Event, log, Output, self } from "edgeless";
import { HttpBody, HttpRequest, HttpResponse } from "edgeless/http";

const egress = new Output("http_e");

/**
 * Asks a web service once and logs what it says. Init payload: `http://HOST:PORT/PATH` of the service; without it, a
 * public one is asked.
 */
@edgeFunction
class HttpRequestor extends EdgeFunction {
  private protocol: string = "HTTPS";
  private host: string = "api.github.com:443";
  private path: string = "/users/octocat/keys";

  onInit(payload: string, state: string): void {
    if (payload.startsWith("http://")) {
      const slash = payload.indexOf("/", 7);
      const end = slash < 0 ? payload.length : slash;
      this.protocol = "HTTP";
      this.host = payload.substring(7, end);
      this.path = payload.substring(end);
    }
    self.delayedCast(5000, "wakeup");
  }

  onCast(event: Event): void {
    const request = new HttpRequest();
    request.protocol = this.protocol;
    request.host = this.host;
    request.path = this.path;
    request.headers.set("Accept", "application/vnd.github+json");
    request.headers.set("User-Agent", "edgeless");
    const reply = egress.call(request.toString());
    const response = reply.hasText ? HttpResponse.parse(reply.text) : null;
    let body: HttpBody | null = null;
    if (response !== null) body = response.body;
    log.info(body !== null && body.isText ? body.text : "no response");
  }
}
