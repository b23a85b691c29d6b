import { readFileSync } from "node:fs";
import { join } from "node:path";
import { formatCode } from "../../coap-api/coap/codes.js";
import { ABSENT, type Message } from "../../coap-api/coap/message.js";
import { decodeCbor, diagnose } from "./cbor-value.js";
import { toHex } from "./lockstep-peer.js";
import { ROOT } from "./repository.js";
import { type WorkedDatagram, workedExchanges } from "./worked-messages.js";

const PAGE = "docs/coap-api.md";
const METHODS = ["", "GET", "POST", "PUT", "DELETE"];
const TYPES = ["CON", "NON", "ACK", "RST"];
/** Longer payloads than so many bytes are shown cut. */
const SHOWN_BYTES = 160;

/**
 * The text of docs/coap-api.md: as it is written, with the bytes of every message that it shows made anew. A message stands in
 * the block of code behind its marker, `<!-- message: name -->`.
 * @throws Error when the page names a message that is not there, or leaves one out
 */
export function renderCoapApiPage(): string {
  const text = readFileSync(join(ROOT, PAGE), "utf8");
  const missing = new Map(workedExchanges().map(({ name, datagrams }) => [name, datagrams]));
  const page = text.replace(/<!-- message: ([\w-]+) -->\n```\n[^`]*```/g, (_block, name: string) => {
    const datagrams = missing.get(name);
    if (datagrams === undefined) throw new Error(`${PAGE} shows an unknown message, or twice: ${name}`);
    missing.delete(name);
    return `<!-- message: ${name} -->\n\`\`\`\n${datagrams.map(show).join("")}\`\`\``;
  });
  if (missing.size > 0) throw new Error(`${PAGE} does not show: ${[...missing.keys()].join(", ")}`);
  return page;
}

function show({ datagram, message, rule }: WorkedDatagram): string {
  const { payload } = message;
  const head = datagram.length - payload.length;
  const lines = [`${describe(message)}   ${datagram.length} bytes`, `  ${toHex(datagram.subarray(0, head))}`];
  if (payload.length > 0) {
    const shown = toHex(payload.subarray(0, SHOWN_BYTES)).match(/.{1,96}/g) ?? [];
    lines.push(...shown.map((line) => `  ${line}`));
    if (payload.length > SHOWN_BYTES) lines.push(`  … ${payload.length - SHOWN_BYTES} bytes more`);
  }
  if (rule !== undefined) lines.push(`  = ${diagnose(decodeCbor(payload))}`);
  return `${lines.join("\n")}\n`;
}

function describe(message: Message): string {
  const { code, path, query, locationPath, observe, block1, block2, size1, size2, maxAge } = message;
  const parts = [TYPES[message.type] ?? "", code === 0 ? "empty" : (METHODS[code] ?? formatCode(code))];
  if (path !== "") parts.push(`/${path}${query === "" ? "" : `?${query}`}`);
  if (locationPath !== "") parts.push(`Location-Path ${locationPath}`);
  if (observe !== ABSENT) parts.push(`Observe ${observe}`);
  if (block1 !== ABSENT) parts.push(`Block1 ${showBlock(block1)}`);
  if (block2 !== ABSENT) parts.push(`Block2 ${showBlock(block2)}`);
  if (size1 !== ABSENT) parts.push(`Size1 ${size1}`);
  if (size2 !== ABSENT) parts.push(`Size2 ${size2}`);
  if (maxAge !== ABSENT) parts.push(`Max-Age ${maxAge}`);
  return parts.join(" ");
}

function showBlock(block: number): string {
  return `${block >> 4}/${block & 8 ? "more" : "last"}/${16 << (block & 7)}`;
}
