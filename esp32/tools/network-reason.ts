/** What the operating system says of a connection, in words for a person. */
export function plainNetworkReason(reason: string): string {
  if (/ECONNREFUSED/.test(reason)) return "nothing listens there";
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return "no computer of that name";
  if (/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/.test(reason)) return "that computer cannot be reached";
  return reason;
}
