import { type Codec, codec } from "./codec.js";
import { Empty } from "./generated/google/protobuf/empty.js";

/** One remote procedure: its path and how its two messages travel. All methods of the EDGELESS API are unary. */
export interface Method<Request, Answer> {
  /** As in the HTTP/2 request: `/package.Service/Method`. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly answer: Codec<Answer>;
}

/** Defines the method `rpc` of the generated definition of `service`. */
export function method<Request, Answer>(
  service: { readonly fullName: string },
  rpc: { readonly name: string },
  request: Codec<Request>,
  answer: Codec<Answer>,
): Method<Request, Answer> {
  return { path: `/${service.fullName}/${rpc.name}`, request, answer };
}

/** No argument or no result: `google.protobuf.Empty`. */
export const nothing: Codec<void> = codec(
  "Empty",
  Empty,
  () => ({}),
  () => undefined,
);
