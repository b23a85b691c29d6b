import type { CborValue } from "./cbor-value.js";

/*
 * A validator for the part of CDDL (RFC 8610) that coap-api/edgeless.cddl uses: types with choices, arrays and maps with
 * occurrences, integer and text keys, ranges, enumerations, .size and .ge, and the prelude's simple types.
 */

type Type =
  | { readonly is: "choice"; readonly types: readonly Type[] }
  | { readonly is: "name"; readonly name: string }
  | { readonly is: "integer"; readonly low: bigint; readonly high: bigint }
  | { readonly is: "sized"; readonly type: Type; readonly low: number; readonly high: number }
  | { readonly is: "array"; readonly entries: readonly Entry[] }
  | { readonly is: "map"; readonly entries: readonly Entry[] };

interface Entry {
  readonly least: number;
  readonly most: number;
  /** Of a map: which keys; with `cut`, a key that fits belongs to this entry alone. */
  readonly key: Type | undefined;
  readonly cut: boolean;
  readonly value: Type;
}

/** The rules of a CDDL file. */
export type Rules = ReadonlyMap<string, Type>;

const PRELUDE: Record<string, (value: CborValue) => boolean> = {
  any: () => true,
  uint: (value) => value.kind === "integer" && value.value >= 0n,
  nint: (value) => value.kind === "integer" && value.value < 0n,
  int: (value) => value.kind === "integer",
  bstr: (value) => value.kind === "bytes",
  tstr: (value) => value.kind === "text",
  null: (value) => value.kind === "simple" && value.value === 22,
  false: (value) => value.kind === "simple" && value.value === 20,
  true: (value) => value.kind === "simple" && value.value === 21,
};

/**
 * Reads a CDDL file.
 * @throws Error with the place when it uses something else than the supported part, or a name that has no rule
 */
export function parseCddl(text: string): Rules {
  const tokens =
    text.replace(/;[^\n]*/g, "").match(/[A-Za-z][\w-]*|-?\d+|=>|\.\.|\.[a-z]+|[=:,/?*+&()[\]{}]|\S/g) ?? [];
  const parser = new Parser(tokens);
  const rules = parser.rules();
  for (const name of parser.names) {
    if (!rules.has(name) && PRELUDE[name] === undefined) throw new Error(`no rule ${name}`);
  }
  return rules;
}

class Parser {
  readonly names = new Set<string>();
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  rules(): Map<string, Type> {
    const rules = new Map<string, Type>();
    while (this.#at < this.#tokens.length) {
      const name = this.#take();
      this.#expect("=");
      if (rules.has(name)) throw new Error(`rule ${name} twice`);
      rules.set(name, this.#type());
    }
    return rules;
  }

  #type(): Type {
    const types = [this.#sized()];
    while (this.#skip("/")) types.push(this.#sized());
    return types.length === 1 ? (types[0] as Type) : { is: "choice", types };
  }

  #sized(): Type {
    const type = this.#single();
    if (this.#skip(".size")) {
      if (!this.#skip("(")) {
        const size = Number(this.#take());
        return { is: "sized", type, low: size, high: size };
      }
      const low = Number(this.#take());
      this.#expect("..");
      const high = Number(this.#take());
      this.#expect(")");
      return { is: "sized", type, low, high };
    }
    if (this.#skip(".ge")) return { is: "integer", low: BigInt(this.#take()), high: 2n ** 64n - 1n };
    return type;
  }

  #single(): Type {
    const token = this.#take();
    if (token === "[") return { is: "array", entries: this.#entries("]") };
    if (token === "{") return { is: "map", entries: this.#entries("}") };
    if (token === "&") {
      this.#expect("(");
      return { is: "choice", types: this.#entries(")").map((entry) => entry.value) };
    }
    if (/^-?\d+$/.test(token)) {
      const high = this.#skip("..") ? this.#take() : token;
      return { is: "integer", low: BigInt(token), high: BigInt(high) };
    }
    if (!/^[A-Za-z]/.test(token)) throw new Error(`unexpected ${token} at token ${this.#at}`);
    this.names.add(token);
    return { is: "name", name: token };
  }

  #entries(end: string): Entry[] {
    const entries: Entry[] = [];
    while (!this.#skip(end)) {
      const [least, most] = this.#occurrence();
      const label = this.#tokens[this.#at + 1] === ":" ? this.#take() : undefined;
      if (label !== undefined) this.#expect(":");
      const first = this.#type();
      const arrow = this.#skip("=>");
      const value = arrow ? this.#type() : first;
      const key: Type | undefined = arrow
        ? first
        : label !== undefined && /^\d/.test(label)
          ? { is: "integer", low: BigInt(label), high: BigInt(label) }
          : undefined;
      entries.push({ least, most, key, cut: !arrow, value });
      this.#skip(",");
    }
    return entries;
  }

  #occurrence(): [number, number] {
    if (this.#skip("?")) return [0, 1];
    if (this.#skip("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#skip("+")) return [1, Number.POSITIVE_INFINITY];
    return [1, 1];
  }

  #take(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error("the file ends too early");
    return token;
  }

  #skip(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    const found = this.#take();
    if (found !== token) throw new Error(`expected ${token}, found ${found} at token ${this.#at}`);
  }
}

/** True when a value is what a rule describes. */
export function conforms(rules: Rules, rule: string, value: CborValue): boolean {
  return matches(rules, { is: "name", name: rule }, value);
}

function matches(rules: Rules, type: Type, value: CborValue): boolean {
  switch (type.is) {
    case "choice":
      return type.types.some((option) => matches(rules, option, value));
    case "name": {
      const rule = rules.get(type.name);
      if (rule !== undefined) return matches(rules, rule, value);
      const test = PRELUDE[type.name];
      if (test === undefined) throw new Error(`no rule ${type.name}`);
      return test(value);
    }
    case "integer":
      return value.kind === "integer" && value.value >= type.low && value.value <= type.high;
    case "sized": {
      if (!matches(rules, type.type, value)) return false;
      const size =
        value.kind === "bytes"
          ? value.value.length
          : value.kind === "text"
            ? Buffer.byteLength(value.value)
            : -1;
      return size >= type.low && size <= type.high;
    }
    case "array":
      return value.kind === "array" && itemsMatch(rules, type.entries, value.items);
    default:
      return value.kind === "map" && pairsMatch(rules, type.entries, value.pairs);
  }
}

/** Greedy, which is enough where repeated entries are the only ones of their array. */
function itemsMatch(rules: Rules, entries: readonly Entry[], items: readonly CborValue[]): boolean {
  let at = 0;
  for (const entry of entries) {
    let count = 0;
    for (let item = items[at]; item !== undefined && count < entry.most; item = items[at]) {
      if (!matches(rules, entry.value, item)) break;
      at++;
      count++;
    }
    if (count < entry.least) return false;
  }
  return at === items.length;
}

function pairsMatch(
  rules: Rules,
  entries: readonly Entry[],
  pairs: readonly (readonly [CborValue, CborValue])[],
): boolean {
  const counts = entries.map(() => 0);
  for (const [key, value] of pairs) {
    const index = entries.findIndex(
      (entry) =>
        entry.key !== undefined &&
        matches(rules, entry.key, key) &&
        (entry.cut || matches(rules, entry.value, value)),
    );
    const entry = entries[index];
    if (entry === undefined || !matches(rules, entry.value, value)) return false;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return entries.every((entry, index) => {
    const count = counts[index] ?? 0;
    return count >= entry.least && count <= entry.most;
  });
}
