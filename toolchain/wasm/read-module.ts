import { ByteReader, badWasm, tooLarge } from "./byte-reader.js";
import type { Feature } from "./feature.js";
import { MODULE_LIMITS } from "./module-limits.js";
import { SectionReader } from "./section-reader.js";
import { Section, type SectionRange, type WasmModule } from "./wasm-module.js";

/** `\0asm` and version 1, little-endian. */
const MAGIC = 0x6d736100;
const VERSION = 1;

/** The order of the sections in a file, custom ones anywhere (core specification 5.5.16). */
const ORDER: readonly number[] = [
  Section.type,
  Section.import,
  Section.function,
  Section.table,
  Section.memory,
  Section.tag,
  Section.global,
  Section.export,
  Section.start,
  Section.element,
  Section.dataCount,
  Section.code,
  Section.data,
];

/**
 * Reads the structure of a binary module; the instructions are not looked at and the types are not checked.
 * Throws EDGELESS_BAD_WASM with the byte offset, or EDGELESS_WASM_TOO_LARGE.
 */
export function readModule(bytes: Uint8Array): WasmModule {
  const features = new Set<Feature>();
  const sections = readSections(bytes);
  const read = new SectionReader(bytes, features);
  for (const section of sections) {
    read.section(section);
  }
  return { bytes, sections, features, ...read.finish() };
}

function readSections(bytes: Uint8Array): SectionRange[] {
  if (bytes.length > MODULE_LIMITS.bytes) {
    throw tooLarge("the module", bytes.length, MODULE_LIMITS.bytes);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(0, true) !== MAGIC) {
    throw badWasm(0, "it does not begin like a WebAssembly module");
  }
  if (view.getUint32(4, true) !== VERSION) {
    throw badWasm(4, "it is not WebAssembly version 1");
  }
  const reader = new ByteReader(bytes, 8);
  const sections: SectionRange[] = [];
  let last = -1;
  while (!reader.done) {
    const at = reader.offset;
    const id = reader.byte();
    const body = reader.part(reader.u32());
    if (id === Section.custom) {
      sections.push({ id, name: body.name(), start: body.offset, end: body.end });
    } else {
      const place = ORDER.indexOf(id);
      if (place === -1) {
        throw badWasm(at, `there is no section with the number ${id}`);
      }
      if (place <= last) {
        throw badWasm(at, `section ${id} comes twice or too late`);
      }
      last = place;
      sections.push({ id, name: "", start: body.offset, end: body.end });
    }
    if (sections.length > MODULE_LIMITS.sections) {
      throw badWasm(at, `more than ${MODULE_LIMITS.sections} sections`);
    }
  }
  return sections;
}
