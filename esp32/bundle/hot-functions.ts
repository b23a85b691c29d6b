/**
 * Functions that stay in memory, because every event meets them on its way in: made anew from flash at each use, one costs a board
 * about a millisecond. Everything else costs no variable until it runs.
 */
export const HOT_FUNCTIONS: readonly string[] = [
  "Endpoint.receive",
  "takeQuickPost",
  "addSeen",
  "Link.peerAt",
  "Link.sendBytes",
  "Requests.quickEvent",
  "Switchboard.instance",
  "Switchboard.schedule",
];
