import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";

/** Where a function of type `CONTAINER` is found. */
export type ContainerCode =
  /** In a container that the node starts from a local image. */
  | { readonly type: "image"; readonly image: string }
  /** At a server that already runs. */
  | { readonly type: "server"; readonly url: string };

const LONGEST_IMAGE = 255;
/** One part of an image name between slashes; the last may have a tag and a digest, the first a port. */
const IMAGE_PART =
  /^[A-Za-z0-9][A-Za-z0-9._-]*(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?(?:@[a-z0-9]+:[0-9a-fA-F]{32,128})?$/;

/**
 * Reads the `code` of a function class: `container:IMAGE[:TAG]` or `grpc:URL`, split at the first colon (EDGELESS 1.2).
 * @throws EdgelessError EDGELESS_CONTAINER_CODE with the reason
 */
export function parseContainerCode(code: string | undefined): ContainerCode {
  if (code === undefined || code === "") throw bad("it is missing");
  const colon = code.indexOf(":");
  const form = colon < 0 ? code : code.slice(0, colon);
  const rest = colon < 0 ? "" : code.slice(colon + 1);
  if (form === "container") return { type: "image", image: checkedImage(rest) };
  if (form === "grpc") return { type: "server", url: checkedUrl(rest) };
  throw bad(`"${code.slice(0, 60)}" begins with neither container: nor grpc:`);
}

function checkedImage(image: string): string {
  const isName = image.length <= LONGEST_IMAGE && image.split("/").every((part) => IMAGE_PART.test(part));
  if (!isName) throw bad(`"${image.slice(0, 60)}" is not the name of an image`);
  return image;
}

function checkedUrl(url: string): string {
  try {
    if (parseEndpoint(url, "the URL").scheme !== "coap") return url;
  } catch (error) {
    throw bad(reasonOf(error));
  }
  throw bad(`"${url.slice(0, 60)}" must start with http or https`);
}

function bad(why: string): EdgelessError {
  return new EdgelessError("EDGELESS_CONTAINER_CODE", `the code of a container function is wrong: ${why}`);
}
