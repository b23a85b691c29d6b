export { HttpBody } from "./http-body";
export { Headers } from "./http-headers";
export { HttpRequest } from "./http-request";
export { HttpResponse } from "./http-response";
