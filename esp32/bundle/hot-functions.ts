/**
 * Functions that stay in memory, 5 to 12 variables each, because every event meets them on its way in, or several times on its way
 * through a function: to make one anew from flash takes a board the time of four to eight turns of an empty loop, and so each of its
 * calls. Everything else costs no variable until it runs.
 */
export const HOT_FUNCTIONS: readonly string[] = [
  "Endpoint.receive",
  "takeQuickPost",
  "addSeen",
  "isInWork",
  "Link.peerAt",
  "Link.sendBytes",
  "Requests.quickEvent",
  "Switchboard.instance",
  "Switchboard.schedule",
  "Switchboard.readyInstance",
  "guestBytes",
  "TranslatedGuest.run",
  "CborWriter.head",
  "CborWriter.byte",
  "CborWriter.room",
];
