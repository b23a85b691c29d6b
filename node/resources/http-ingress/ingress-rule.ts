import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import { HTTP_METHODS, type HttpMethod } from "../http-message.js";
import { readFlag } from "../read-flag.js";

/** Which requests an instance of http-ingress takes and what it does with them. */
export interface IngressRule {
  /** Exact text of the Host header; absent: any. */
  readonly host?: string;
  /** Empty: any of the six. */
  readonly methods: readonly HttpMethod[];
  /** Value that the query parameter `wf_id` must have; absent: no matter. */
  readonly workflowId?: string;
  /** True: cast the body and answer at once; false: call the target and answer with its answer. */
  readonly isAsync: boolean;
  /** Only for casts: the body as base64 instead of as UTF-8 text. */
  readonly encodeBase64: boolean;
}

/** What a rule looks at. */
export interface IngressRequest {
  readonly method: HttpMethod;
  readonly host: string;
  /** Path and query. */
  readonly path: string;
}

/**
 * Reads the configuration of an http-ingress resource. The list of methods may stand under `method` or `methods`: the
 * documentation of EDGELESS uses both.
 * @throws EdgelessError EDGELESS_BAD_RESOURCE_CONFIG
 */
export function parseIngressRule(configuration: StringMap, workflowId: string): IngressRule {
  const host = configuration.get("host");
  return {
    ...(host === undefined ? {} : { host }),
    ...(readFlag(configuration, "wf_id") ? { workflowId } : {}),
    methods: parseMethods(configuration),
    isAsync: readFlag(configuration, "async"),
    encodeBase64: readFlag(configuration, "encode_base64"),
  };
}

/** Finds the method of an HTTP request line, such as `GET`; undefined when http-ingress does not handle it. */
export function parseMethod(token: string): HttpMethod | undefined {
  return HTTP_METHODS.find((method) => method.toUpperCase() === token);
}

/** Tells whether a request is one for the rule's instance. */
export function matches(rule: IngressRule, request: IngressRequest): boolean {
  if (rule.host !== undefined && rule.host !== request.host) return false;
  if (rule.methods.length > 0 && !rule.methods.includes(request.method)) return false;
  return rule.workflowId === undefined || rule.workflowId === queryParameter(request.path, "wf_id");
}

function parseMethods(configuration: StringMap): HttpMethod[] {
  const bad = (reason: string) => new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reason);
  const { method = "", methods = "" } = Object.fromEntries(configuration);
  if (method !== "" && methods !== "" && method !== methods)
    throw bad(`method "${method}" and methods "${methods}" disagree: keep one of them`);
  const list = method === "" ? methods : method;
  if (list === "") return [];
  return list.split(",").map((token) => {
    const known = parseMethod(token);
    if (known !== undefined) return known;
    throw bad(`method "${list}": "${token}" is none of ${HTTP_METHODS.join(",").toUpperCase()}`);
  });
}

/** The first value of a query parameter as it stands there, without decoding. */
function queryParameter(path: string, name: string): string | undefined {
  const start = path.indexOf("?");
  if (start < 0) return undefined;
  for (const item of path.slice(start + 1).split("&")) {
    const equals = item.indexOf("=");
    if (equals >= 0 && item.slice(0, equals) === name) return item.slice(equals + 1);
  }
  return undefined;
}
