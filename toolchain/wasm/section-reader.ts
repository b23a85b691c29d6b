import { ByteReader, badWasm, tooLarge } from "./byte-reader.js";
import { readConstantExpression, readFunctionReference } from "./constant-expression.js";
import type { Feature } from "./feature.js";
import { MODULE_LIMITS } from "./module-limits.js";
import { type FunctionType, isNumberType, isValueType, type ValueTypeCode } from "./value-type.js";
import {
  type ElementSegment,
  EXTERNAL_KINDS,
  type ExternalKind,
  type FunctionBody,
  type GlobalType,
  type Limits,
  Section,
  type SectionRange,
  type TableType,
  type WasmExport,
  type WasmImport,
  type WasmModule,
} from "./wasm-module.js";

const FUNC_REF = 0x70;
const EXTERN_REF = 0x6f;

/** Reads the known sections one after the other and collects what they hold. Throws EDGELESS_BAD_WASM, EDGELESS_WASM_TOO_LARGE. */
export class SectionReader {
  readonly #bytes: Uint8Array;
  readonly #features: Set<Feature>;
  readonly #types: FunctionType[] = [];
  readonly #imports: WasmImport[] = [];
  readonly #functions: number[] = [];
  readonly #tables: TableType[] = [];
  readonly #memories: Limits[] = [];
  readonly #globals: GlobalType[] = [];
  readonly #exports: WasmExport[] = [];
  readonly #elements: ElementSegment[] = [];
  readonly #bodies: FunctionBody[] = [];
  #importedFunctions = 0;
  #start: number | undefined;
  #dataSegments = 0;

  constructor(bytes: Uint8Array, features: Set<Feature>) {
    this.#bytes = bytes;
    this.#features = features;
  }

  section({ id, start, end }: SectionRange): void {
    const reader = new ByteReader(this.#bytes, start, end);
    switch (id) {
      case Section.custom:
        return;
      case Section.type:
        this.#each(reader, "types", MODULE_LIMITS.types, () => this.#types.push(this.#functionType(reader)));
        break;
      case Section.import:
        this.#each(reader, "imports", MODULE_LIMITS.imports, () => this.#readImport(reader));
        this.#importedFunctions = this.#functions.length;
        break;
      case Section.function:
        this.#each(reader, "functions", MODULE_LIMITS.functions, () =>
          this.#functions.push(this.#typeIndex(reader)),
        );
        break;
      case Section.table:
        this.#each(reader, "tables", MODULE_LIMITS.tables, () => this.#tables.push(this.#tableType(reader)));
        this.#note(this.#tables.length > 1, "reference-types");
        break;
      case Section.memory:
        this.#each(reader, "memories", MODULE_LIMITS.tables, () => this.#memories.push(this.#limits(reader)));
        this.#note(this.#memories.length > 1, "multi-memory");
        break;
      case Section.global:
        this.#each(reader, "globals", MODULE_LIMITS.globals, () => {
          this.#globals.push(this.#globalType(reader));
          readConstantExpression(reader, this.#features);
        });
        break;
      case Section.export:
        this.#readExports(reader);
        break;
      case Section.start:
        this.#start = this.#functionIndex(reader);
        break;
      case Section.element:
        this.#each(reader, "element segments", MODULE_LIMITS.segments, () => this.#readElements(reader));
        break;
      case Section.dataCount:
        this.#features.add("bulk-memory");
        reader.u32();
        break;
      case Section.code:
        this.#readCode(reader);
        break;
      case Section.data:
        this.#each(reader, "data segments", MODULE_LIMITS.segments, () => this.#readData(reader));
        break;
      default:
        this.#features.add("exceptions");
        return;
    }
    if (!reader.done) {
      throw badWasm(reader.offset, `${reader.end - reader.offset} bytes are left over in section ${id}`);
    }
  }

  /** Checks what spans sections and gives everything that was read. */
  finish(): Omit<WasmModule, "bytes" | "sections" | "features"> {
    if (this.#bodies.length !== this.#functions.length - this.#importedFunctions) {
      throw badWasm(
        this.#bytes.length,
        `${this.#functions.length - this.#importedFunctions} functions are declared, ${this.#bodies.length} have code`,
      );
    }
    return {
      types: this.#types,
      imports: this.#imports,
      functions: this.#functions,
      importedFunctions: this.#importedFunctions,
      tables: this.#tables,
      memories: this.#memories,
      globals: this.#globals,
      exports: this.#exports,
      start: this.#start,
      elements: this.#elements,
      dataSegments: this.#dataSegments,
      bodies: this.#bodies,
    };
  }

  #each(reader: ByteReader, what: string, limit: number, read: () => void): void {
    const at = reader.offset;
    const count = reader.count(what);
    if (count > limit) {
      throw badWasm(at, `${count} ${what}, ${limit} are allowed`);
    }
    for (let left = count; left > 0; left -= 1) {
      read();
    }
  }

  #note(used: boolean, feature: Feature): void {
    if (used) {
      this.#features.add(feature);
    }
  }

  #valueType(reader: ByteReader): ValueTypeCode {
    const at = reader.offset;
    const code = reader.byte();
    if (!isValueType(code)) {
      throw badWasm(at, `0x${code.toString(16)} is no value type`);
    }
    if (!isNumberType(code)) {
      this.#features.add(code === 0x7b ? "simd" : "reference-types");
    }
    return code;
  }

  #functionType(reader: ByteReader): FunctionType {
    const at = reader.offset;
    if (reader.byte() !== 0x60) {
      throw badWasm(at, "a type is not a function type");
    }
    const params: ValueTypeCode[] = [];
    const results: ValueTypeCode[] = [];
    this.#each(reader, "parameters", MODULE_LIMITS.typeLength, () => params.push(this.#valueType(reader)));
    this.#each(reader, "results", MODULE_LIMITS.typeLength, () => results.push(this.#valueType(reader)));
    this.#note(results.length > 1, "multi-value");
    return { params, results };
  }

  #typeIndex(reader: ByteReader): number {
    const at = reader.offset;
    const index = reader.u32();
    if (index >= this.#types.length) {
      throw badWasm(at, `there is no type ${index}`);
    }
    return index;
  }

  #functionIndex(reader: ByteReader): number {
    const at = reader.offset;
    const index = reader.u32();
    if (index >= this.#functions.length) {
      throw badWasm(at, `there is no function ${index}`);
    }
    return index;
  }

  #limits(reader: ByteReader): Limits {
    const at = reader.offset;
    const flags = reader.byte();
    if (flags > 7) {
      throw badWasm(at, `0x${flags.toString(16)} are no limits`);
    }
    this.#note((flags & 2) !== 0, "threads");
    if ((flags & 4) !== 0) {
      throw badWasm(at, "it uses memory64, which no EDGELESS target has");
    }
    const min = reader.u32();
    return { min, max: (flags & 1) === 0 ? undefined : reader.u32() };
  }

  #tableType(reader: ByteReader): TableType {
    const at = reader.offset;
    const elementType = reader.byte();
    if (elementType !== FUNC_REF && elementType !== EXTERN_REF) {
      throw badWasm(at, "a table holds neither functions nor external references");
    }
    this.#note(elementType === EXTERN_REF, "reference-types");
    return { elementType, ...this.#limits(reader) };
  }

  #globalType(reader: ByteReader): GlobalType {
    const type = this.#valueType(reader);
    const at = reader.offset;
    const mutability = reader.byte();
    if (mutability > 1) {
      throw badWasm(at, "a global is neither constant nor mutable");
    }
    return { type, mutable: mutability === 1 };
  }

  #externalKind(reader: ByteReader): ExternalKind {
    const at = reader.offset;
    const kind = EXTERNAL_KINDS[reader.byte()];
    if (kind === undefined) {
      throw badWasm(at, "an import or export is of an unknown kind");
    }
    return kind;
  }

  #readImport(reader: ByteReader): void {
    const module = reader.name();
    const name = reader.name();
    const kind = this.#externalKind(reader);
    let typeIndex = 0;
    switch (kind) {
      case "function":
        typeIndex = this.#typeIndex(reader);
        this.#functions.push(typeIndex);
        break;
      case "table":
        this.#tableType(reader);
        break;
      case "memory":
        this.#limits(reader);
        break;
      case "global":
        this.#note(this.#globalType(reader).mutable, "mutable-globals");
        break;
      case "tag":
        this.#features.add("exceptions");
        reader.byte();
        this.#typeIndex(reader);
    }
    this.#imports.push({ module, name, kind, typeIndex });
  }

  #readExports(reader: ByteReader): void {
    const names = new Set<string>();
    this.#each(reader, "exports", MODULE_LIMITS.exports, () => {
      const at = reader.offset;
      const name = reader.name();
      if (names.has(name)) {
        throw badWasm(at, `two exports have the name "${name}"`);
      }
      names.add(name);
      const kind = this.#externalKind(reader);
      const index = kind === "function" ? this.#functionIndex(reader) : reader.u32();
      this.#exports.push({ name, kind, index });
      this.#note(kind === "global" && this.#globals[index]?.mutable === true, "mutable-globals");
    });
  }

  #readElements(reader: ByteReader): void {
    const at = reader.offset;
    const flags = reader.u32();
    if (flags > 7) {
      throw badWasm(at, `0x${flags.toString(16)} is no kind of element segment`);
    }
    this.#note(flags !== 0, "bulk-memory");
    const active = (flags & 1) === 0;
    const table = active && (flags & 2) !== 0 ? reader.u32() : 0;
    const offset = active ? readConstantExpression(reader, this.#features) : undefined;
    const expressions = (flags & 4) !== 0;
    if ((flags & 3) !== 0) {
      const kindAt = reader.offset;
      const kind = reader.byte();
      if (kind !== (expressions ? FUNC_REF : 0)) {
        throw badWasm(kindAt, "an element segment does not hold functions");
      }
    }
    const functions: (number | undefined)[] = [];
    this.#each(reader, "elements", MODULE_LIMITS.tableElements, () =>
      functions.push(
        expressions ? readFunctionReference(reader, this.#functions.length) : this.#functionIndex(reader),
      ),
    );
    const mode = active ? "active" : (flags & 2) === 0 ? "passive" : "declarative";
    this.#elements.push({ mode, table, offset, functions });
  }

  #readCode(reader: ByteReader): void {
    const size = reader.end - reader.offset;
    if (size > MODULE_LIMITS.codeBytes) {
      throw tooLarge("the code of the module", size, MODULE_LIMITS.codeBytes);
    }
    this.#each(reader, "function bodies", MODULE_LIMITS.functions, () => {
      const at = reader.offset;
      const body = reader.part(reader.u32());
      if (body.end - body.offset > MODULE_LIMITS.functionBytes) {
        throw tooLarge("a function", body.end - body.offset, MODULE_LIMITS.functionBytes);
      }
      const locals: { count: number; type: ValueTypeCode }[] = [];
      let total = 0;
      this.#each(body, "groups of locals", MODULE_LIMITS.locals, () => {
        const count = body.u32();
        total += count;
        locals.push({ count, type: this.#valueType(body) });
      });
      if (total > MODULE_LIMITS.locals) {
        throw badWasm(at, `a function has ${total} locals, ${MODULE_LIMITS.locals} are allowed`);
      }
      this.#bodies.push({ locals, start: body.offset, end: body.end });
    });
  }

  #readData(reader: ByteReader): void {
    const at = reader.offset;
    const flags = reader.u32();
    if (flags > 2) {
      throw badWasm(at, `${flags} is no kind of data segment`);
    }
    if (flags === 2) {
      reader.u32();
    }
    if (flags === 1) {
      this.#features.add("bulk-memory");
    } else {
      readConstantExpression(reader, this.#features);
    }
    reader.skip(reader.u32());
    this.#dataSegments += 1;
  }
}
