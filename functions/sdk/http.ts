export { Headers } from "./http-headers";
export { HttpRequest } from "./http-request";
export { HttpResponse } from "./http-response";
