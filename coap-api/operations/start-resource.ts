import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { WireFault } from "../wire-fault.js";

/** A configuration key and its value. */
export interface Setting {
  key: string;
  value: string;
}

/** Start of a resource, `POST /r` at a device. */
export interface StartResource {
  classType: string;
  /** Id of the instance, a UUID as 16 bytes. */
  resourceId: Uint8Array;
  /** What the device reports for the instance later, 8 bytes. */
  tag: Uint8Array;
  configuration: Setting[];
}

/** Writes the start of a resource. */
export function encodeStartResource(start: StartResource): Uint8Array {
  const { configuration } = start;
  const writer = new CborWriter(96);
  writer.map(4).integer(0).text(start.classType);
  writer.integer(1).byteString(start.resourceId).integer(2).byteString(start.tag);
  writer.integer(3).map(configuration.length);
  for (let i = 0; i < configuration.length; i++) {
    const { key, value } = configuration[i] as Setting;
    writer.text(key).text(value);
  }
  return writer.written();
}

/** @throws WireFault also when class, id or tag is not there, or has another length */
export function decodeStartResource(bytes: Uint8Array): StartResource {
  const reader = new CborReader(bytes);
  const none = new Uint8Array(0);
  const start: StartResource = { classType: "", resourceId: none, tag: none, configuration: [] };
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.unsigned();
    if (key === 0) start.classType = reader.text();
    else if (key === 1) start.resourceId = reader.bytesOf(16);
    else if (key === 2) start.tag = reader.bytesOf(8);
    else if (key === 3) start.configuration = readSettings(reader);
    else reader.skip();
  }
  reader.end();
  if (start.classType === "" || start.resourceId === none || start.tag === none)
    throw new WireFault("missing field", 0);
  return start;
}

function readSettings(reader: CborReader): Setting[] {
  const settings: Setting[] = [];
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.text();
    settings.push({ key, value: reader.text() });
  }
  return settings;
}
