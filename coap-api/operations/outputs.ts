import { ARRAY, CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { NONE } from "./event.js";

/** Where a channel leads: to a route of the gateway, or to another instance on the same device. */
export interface Output {
  channel: string;
  /** Route at the gateway, or {@link NONE}. */
  route: number;
  /** Instance on this device, or {@link NONE}. */
  handle: number;
}

/** Writes the complete wiring of an instance, `PUT /f/<h>` or `PUT /r/<h>` at a device. */
export function encodeOutputs(outputs: readonly Output[]): Uint8Array {
  const writer = new CborWriter(64);
  writer.map(outputs.length);
  for (let i = 0; i < outputs.length; i++) {
    const { channel, route, handle } = outputs[i] as Output;
    writer.text(channel);
    if (handle === NONE) writer.integer(route);
    else writer.array(1).integer(handle);
  }
  return writer.written();
}

/** @throws WireFault */
export function decodeOutputs(bytes: Uint8Array): Output[] {
  const reader = new CborReader(bytes);
  const outputs: Output[] = [];
  for (let left = reader.map(); left > 0; left--) {
    const channel = reader.text();
    if (reader.peek() === ARRAY) {
      reader.arrayOf(1);
      outputs.push({ channel, route: NONE, handle: reader.unsigned() });
    } else outputs.push({ channel, route: reader.unsigned(), handle: NONE });
  }
  reader.end();
  return outputs;
}
