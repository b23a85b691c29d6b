import { GET, isSuccess } from "../coap-api/coap/codes.js";
import type { Message } from "../coap-api/coap/message.js";
import { decodeStatus } from "../coap-api/operations/status.js";
import { WireFault } from "../coap-api/wire-fault.js";
import type { DeviceSurroundings } from "./device.js";
import type { DeviceRecord } from "./device-record.js";

/** How long a device may take to say that it is still where it was, milliseconds. */
const PROBE_MS = 4_000;

/** Asks where a device was last: true when it answers there, as the one that registered and not another one since. */
export function probeDevice(record: DeviceRecord, around: DeviceSurroundings): Promise<boolean> {
  const { address, port, bootNonce } = record;
  return new Promise((resolve) => {
    const timer = around.clock.setTimer(PROBE_MS, () => resolve(false));
    around.request(address, port, { code: GET, path: "s" }, (response) => {
      timer.cancel();
      resolve(response !== undefined && bootNonceIn(response) === bootNonce);
    });
  });
}

function bootNonceIn({ code, payload }: Message): number | undefined {
  try {
    return isSuccess(code) ? decodeStatus(payload).bootNonce : undefined;
  } catch (fault) {
    if (fault instanceof WireFault) return undefined;
    throw fault;
  }
}
