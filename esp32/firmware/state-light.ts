/** What the light shows: off and on in turn, twice a second, while there is no network; once in two seconds without a gateway. */
const NO_NETWORK_MS = 250;
const NO_GATEWAY_MS = 1000;
/** How often the state is looked at while the light stays on. */
const LOOK_MS = 2000;

/** A light that shows the state of the board; it stays on while the gateway knows it. */
export function showState(name: string, isOnline: () => boolean, isRegistered: () => boolean): void {
  const pin = Pin(name);
  if (pin === undefined) return;
  let level = 1;
  pinMode(pin, "output");
  const show = () => {
    const isKnown = isRegistered();
    level = isKnown ? 1 : 1 - level;
    digitalWrite(pin, level);
    setTimeout(show, isKnown ? LOOK_MS : isOnline() ? NO_GATEWAY_MS : NO_NETWORK_MS);
  };
  show();
}
