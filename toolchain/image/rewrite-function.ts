import { ByteReader } from "../wasm/byte-reader.js";
import type { ByteWriter } from "../wasm/byte-writer.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { type FunctionType, ValueType } from "../wasm/value-type.js";
import type { FunctionBody } from "../wasm/wasm-module.js";
import { leavesFunction, writeBranch } from "./branch.js";
import type { CallCosts } from "./call-costs.js";
import { CountedLoopWriter, MAX_AHEAD, turnsAhead } from "./counted-loop-writer.js";
import { FuelCode } from "./fuel-code.js";
import type { PreparedLayout } from "./prepared-layout.js";
import { canRepeat, writeRepeatedLoop } from "./repeated-loop.js";
import {
  type ChargedAhead,
  type FunctionScan,
  isBulkOperation,
  type LoopScan,
  TRUSTED_FUEL,
} from "./scan-function.js";

/** A function of the source with everything that rewriting it needs. */
export interface SourceFunction {
  readonly type: FunctionType;
  readonly body: FunctionBody;
  readonly scan: FunctionScan;
  /** Most bytes that may be written for it. */
  readonly limit: number;
}

/** Writes the groups of locals of a function, with `added` groups after its own. */
export function writeLocals(
  out: ByteWriter,
  body: FunctionBody,
  added: readonly { readonly count: number; readonly type: number }[],
): void {
  out.u32(body.locals.length + added.length);
  for (const { count, type } of [...body.locals, ...added]) {
    out.u32(count).byte(type);
  }
}

/** Writes a function that charges fuel outside and inside of its loops, and is otherwise as it was. */
export function rewriteFunction(
  out: ByteWriter,
  bytes: Uint8Array,
  source: SourceFunction,
  layout: PreparedLayout,
  costs: CallCosts,
): void {
  new FunctionRewriter(out, bytes, source, layout, costs).write();
}

/** A construct of the source that is being written; `depth` is that of its label in what is written. */
interface OpenConstruct {
  readonly depth: number;
  /** Writes its end. */
  readonly end: () => void;
}

class FunctionRewriter {
  readonly #out: ByteWriter;
  readonly #bytes: Uint8Array;
  readonly #source: SourceFunction;
  readonly #layout: PreparedLayout;
  readonly #costs: CallCosts;
  readonly #fuel: FuelCode;
  /** The first of the locals that are added. */
  readonly #added: number;
  readonly #instruction: InstructionReader;
  readonly #open: OpenConstruct[] = [];
  /** Constructs that are open in what is written, the function itself not counted. */
  #depth = 0;
  /** Where what was not copied yet begins. */
  #copied: number;

  constructor(
    out: ByteWriter,
    bytes: Uint8Array,
    source: SourceFunction,
    layout: PreparedLayout,
    costs: CallCosts,
  ) {
    const { type, body, scan } = source;
    this.#out = out;
    this.#bytes = bytes;
    this.#source = source;
    this.#layout = layout;
    this.#costs = costs;
    this.#added = body.locals.reduce((sum, { count }) => sum + count, type.params.length);
    this.#fuel = new FuelCode(out, layout, this.#added, scan.hasCallFreeLoop);
    this.#instruction = new InstructionReader(new ByteReader(bytes, body.start, body.end));
    this.#copied = body.start;
  }

  write(): void {
    const { body, scan } = this.#source;
    const out = this.#out;
    const fuel = this.#fuel;
    const instruction = this.#instruction;
    const entry = this.#costs.entry(scan);
    writeLocals(out, body, [{ count: 2 + scan.slots, type: ValueType.i32 }]);
    fuel.load();
    if (entry !== undefined && entry.before === undefined) {
      fuel.charge(entry.cost);
    }
    this.#open.push({ depth: 0, end: () => out.code(Op.end) });
    while (instruction.next()) {
      const { opcode, start } = instruction;
      switch (opcode) {
        case Op.block:
        case Op.if:
          this.#push(1, () => out.code(Op.end));
          break;
        case Op.loop:
          this.#loop();
          break;
        case Op.end:
          this.#copyTo(start);
          this.#end();
          break;
        case Op.br:
        case Op.brIf:
        case Op.brTable:
        case Op.return:
          this.#copyTo(start);
          this.#branch();
          break;
        case Op.call:
        case Op.callIndirect:
          this.#copyTo(start);
          if (start === entry?.before) {
            fuel.charge(entry.cost);
          }
          fuel.publish();
          writeCall(out, instruction, this.#layout);
          fuel.load();
          break;
        default:
          if (isBulkOperation(opcode)) {
            out.range(this.#bytes, this.#copied, start);
            this.#copied = start;
            fuel.chargeLength(this.#added + 1);
          }
      }
    }
    out.range(this.#bytes, this.#copied, body.end);
  }

  /** Copies up to an instruction of which something else is written. */
  #copyTo(end: number): void {
    this.#out.range(this.#bytes, this.#copied, end);
    this.#copied = this.#instruction.end;
  }

  /** Enters a construct of the source for which so many were written. */
  #push(written: number, end: () => void): void {
    this.#depth += written;
    this.#open.push({
      depth: this.#depth,
      end: () => {
        end();
        this.#depth -= written;
      },
    });
  }

  #end(): void {
    const construct = this.#open.pop();
    if (this.#open.length === 0) {
      this.#fuel.publish();
    }
    construct?.end();
  }

  #branch(): void {
    const innermost = this.#open.length - 1;
    if (leavesFunction(this.#instruction, innermost)) {
      this.#fuel.publish();
    }
    writeBranch(
      this.#out,
      this.#instruction,
      (label) => this.#depth - (this.#open[innermost - label]?.depth ?? 0),
    );
  }

  #loop(): void {
    const instruction = this.#instruction;
    const out = this.#out;
    const fuel = this.#fuel;
    const { start, immediates, end } = instruction;
    const loop = this.#source.scan.loops.get(start);
    if (loop === undefined || !this.#layout.countsFuel || loop.charge.type === "paid") {
      this.#push(1, () => out.code(Op.end));
      return;
    }
    this.#copyTo(start);
    if (loop.charge.type === "ahead") {
      this.#countedLoop(loop, loop.charge);
      return;
    }
    if (canRepeat(instruction, loop)) {
      const place = { instruction, loop, open: this.#open, depth: this.#depth, fuel };
      writeRepeatedLoop(out, this.#bytes, place);
      this.#continueAt(loop.end + 1);
      return;
    }
    const blockType = this.#bytes.subarray(immediates, end);
    const cost = this.#costs.turn(loop);
    this.#push(fuel.beginLoop(blockType, cost, loop.callFree), () =>
      fuel.endLoop(blockType, cost, loop.callFree),
    );
  }

  #continueAt(offset: number): void {
    this.#instruction.continueAt(offset);
    this.#copied = offset;
  }

  #countedLoop(scan: Readonly<LoopScan>, { loop, slot, trusted }: ChargedAhead): void {
    const cost = this.#costs.turn(scan);
    const writer = new CountedLoopWriter(this.#out, this.#bytes, loop, this.#added + 2 + slot);
    const turnCost = cost + scan.trusted * TRUSTED_FUEL;
    const turns = turnsAhead(turnCost, trusted ? TRUSTED_FUEL : MAX_AHEAD);
    writer.begin(turns, (local) => this.#fuel.chargeAhead(local, cost, trusted));
    // Only the first turns are taken on trust: there may be a great many of them.
    this.#push(3, () => writer.end(() => (trusted ? this.#fuel.refill() : undefined)));
    this.#push(1, () => this.#out.code(Op.end));
    this.#continueAt(loop.body);
  }
}

/** Writes the current call instruction with the function's index in the prepared module. */
export function writeCall(
  out: ByteWriter,
  { opcode, index, second }: InstructionReader,
  layout: PreparedLayout,
): void {
  out.byte(opcode);
  if (opcode === Op.call) {
    out.u32(layout.functionIndex(index));
  } else {
    out.u32(index).u32(second);
  }
}
