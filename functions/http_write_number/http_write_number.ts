import { EdgeFunction, Event, log, Output } from "edgeless";
import { HttpBody, HttpRequest, HttpResponse } from "edgeless/http";

const sink = new Output("external_sink");

/** Posts every message. Init payload: `host:port` of the receiver. */
@edgeFunction
class HttpWriteNumber extends EdgeFunction {
  private host: string = "";

  onInit(payload: string, state: string): void {
    this.host = payload;
  }

  onCast(event: Event): void {
    if (!this.host.length) throw new Error("no init payload");
    const request = new HttpRequest();
    request.method = "Post";
    request.host = this.host;
    request.body = HttpBody.fromText(event.text);
    const reply = sink.call(request.toString());
    const response = reply.hasText ? HttpResponse.parse(reply.text) : null;
    if (response === null) log.warn("no valid response");
    else log.info("response with status " + response.status.toString());
  }
}
