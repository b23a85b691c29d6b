/** A URL as it may be logged: without user, password, query and fragment; a hint when it is no URL at all. */
export function urlWithoutSecrets(text: string): string {
  if (!URL.canParse(text)) return "(not a URL)";
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
