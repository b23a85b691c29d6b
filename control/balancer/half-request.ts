import type { ResourceSpecification } from "../../core/specification.js";

/** The two domains that an ε-BAL joins. */
export type Side = "local" | "portal";

/** `sink`: from the local domain into the portal; `source`: out of the portal into the local domain. */
export type Role = "sink" | "source";

/** One half of a bridge, as an ε-CON asks for it through an ε-ORC. */
export interface HalfRequest {
  readonly role: Role;
  readonly side: Side;
  /** Halves of one workflow with the same number belong together. */
  readonly bridge: string;
}

/** A request, or what is wrong with it. */
export type HalfRequestResult =
  | { readonly ok: true; readonly request: HalfRequest }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads the configuration of a resource of class `portal`.
 * @param side where the request came from
 * @param domain name of the local domain
 */
export function readHalfRequest(
  { configuration, workflowId }: ResourceSpecification,
  side: Side,
  domain: string,
): HalfRequestResult {
  const bad = (reason: string): HalfRequestResult => ({ ok: false, reason });
  const role = configuration.get("role")?.toLowerCase();
  if (role !== "sink" && role !== "source") return bad(`role is sink or source, not ${quoted(role)}`);
  const wanted = configuration.get("domain")?.toLowerCase();
  if (wanted !== "local" && wanted !== "portal")
    return bad(`domain is local or portal, not ${quoted(wanted)}`);
  if (wanted !== side) return bad(`domain is ${wanted}, but this is the ${side} side`);
  const id = configuration.get("id");
  if (id === undefined || !/^[0-9]{1,20}$/.test(id)) return bad(`id is a decimal number, not ${quoted(id)}`);
  const name = configuration.get("domain_name") ?? "";
  if (side === "local" && name !== "") return bad("domain_name has no place on the local side");
  if (side === "portal" && name !== domain)
    return bad(`domain_name is ${quoted(name)}, but this is ${domain}`);
  return { ok: true, request: { role, side, bridge: `${workflowId}/${BigInt(id)}` } };
}

function quoted(text: string | undefined): string {
  return text === undefined ? "missing" : `"${text.slice(0, 60)}"`;
}
