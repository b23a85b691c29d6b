/** What a run of a program shows. */
export interface Outcome {
  readonly end: string;
  readonly memory: string;
  readonly calls: readonly string[];
}

/** Without the message of a trap, and without the memory after one, which nobody can see. */
export function visible({ end, memory, calls }: Outcome): string {
  const trapped = end.startsWith("trapped");
  const seen = [trapped ? "trapped" : end, trapped ? "" : withOneNaN(memory), calls.map(withOneNaN)];
  return JSON.stringify(seen);
}

/** What ends with a memory in base64, with the same bits for every NaN in it: which ones it has is up to the engine. */
function withOneNaN(text: string): string {
  const start = text.lastIndexOf(" ") + 1;
  const bytes = Uint8Array.from(Buffer.from(text.slice(start), "base64"));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at += 4) {
    if (at % 8 === 0 && Number.isNaN(view.getFloat64(at, true))) view.setBigUint64(at, NAN, true);
    else if (Number.isNaN(view.getFloat32(at, true))) view.setUint32(at, NAN_SINGLE, true);
  }
  // Stores may be unaligned: the sign of the NaN that engines make is theirs there too, and nothing else of it.
  const plain = Buffer.from(bytes)
    .toString("latin1")
    .replaceAll("\0\0\0\0\0\0\xf8\xff", "\0\0\0\0\0\0\xf8\x7f")
    .replaceAll("\0\0\xc0\xff", "\0\0\xc0\x7f");
  return text.slice(0, start) + Buffer.from(plain, "latin1").toString("base64");
}

const NAN = 0x7ff8000000000000n;
const NAN_SINGLE = 0x7fc00000;
