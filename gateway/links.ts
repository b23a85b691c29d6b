/** A resource that clients can find (RFC 6690). */
interface Link {
  readonly path: string;
  readonly attributes: readonly (readonly [name: string, value?: string])[];
}

/** What there is at a gateway: the registration, what devices post, images and the status. */
const LINKS: readonly Link[] = [
  { path: "/rd", attributes: [["rt", "core.rd"]] },
  { path: "/e", attributes: [] },
  { path: "/l", attributes: [] },
  { path: "/y", attributes: [] },
  { path: "/i", attributes: [["ct", "60"]] },
  { path: "/s", attributes: [["obs"], ["ct", "60"]] },
];

/**
 * The answer to `GET /.well-known/core`.
 * @param query of the request, such as `rt=core.rd*`: links that fit (RFC 6690 section 4.1); empty: all
 */
export function formatLinks(query: string): string {
  const filters = query === "" ? [] : query.split("&");
  return LINKS.filter((link) => filters.every((filter) => fits(link, filter)))
    .map(formatLink)
    .join(",");
}

function fits({ path, attributes }: Link, filter: string): boolean {
  const at = filter.indexOf("=");
  if (at < 0) return attributes.some(([name, value]) => name === filter && value === undefined);
  const wanted = filter.slice(at + 1);
  const name = filter.slice(0, at);
  const values =
    name === "href" ? [path] : attributes.flatMap(([own, value = ""]) => (own === name ? [value] : []));
  return values.some((value) =>
    wanted.endsWith("*") ? value.startsWith(wanted.slice(0, -1)) : value === wanted,
  );
}

function formatLink({ path, attributes }: Link): string {
  const texts = attributes.map(([name, value]) => {
    if (value === undefined) return `;${name}`;
    return /^[0-9]+$/.test(value) ? `;${name}=${value}` : `;${name}="${value}"`;
  });
  return `<${path}>${texts.join("")}`;
}
