import { ByteReader } from "../wasm/byte-reader.js";
import { ByteWriter } from "../wasm/byte-writer.js";
import { LiveInstructions } from "../wasm/live-instructions.js";
import { Op, VOID_BLOCK } from "../wasm/opcode.js";
import { blockFunctionType, calledType, localTypes, OperandStack } from "../wasm/operand-stack.js";
import { type FunctionType, ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { WasmModule } from "../wasm/wasm-module.js";
import { leavesFunction, writeBranch } from "./branch.js";
import type { CallCosts } from "./call-costs.js";
import { FuelCode } from "./fuel-code.js";
import type { PreparedLayout } from "./prepared-layout.js";
import { type SourceFunction, writeCall, writeLocals } from "./rewrite-function.js";
import { SavedLocals } from "./saved-locals.js";
import { isBulkOperation } from "./scan-function.js";
import type { SuspensionGraph } from "./suspension-graph.js";
import { planSuspension, type SequencePlan } from "./suspension-plan.js";

/** Depth of the block around the whole function; leaving it means that the function saves itself and returns. */
const UNWIND_DEPTH = 1;

const NO_SITES: SequencePlan = { entries: [], suspends: false, lastOfThen: 0, last: 0 };

/** A construct of the source that is being written. */
interface OpenConstruct {
  readonly type: FunctionType;
  /** Height of the operand stack below its parameters. */
  readonly base: number;
  /** How many constructs deep it is in what is written. */
  readonly depth: number;
  /** How many constructs were written for it. */
  readonly written: number;
  readonly end: () => void;
  readonly suspends: boolean;
}

/**
 * Writes a function that can be suspended in some of its calls ("sites"), beside charging fuel as every function does.
 *
 * The local `site` is 0, or the number of the site at which to continue. A sequence with sites begins with one empty block
 * for each of its entries, nested so that leaving the n-th block lands just before the n-th entry; when `site` is set,
 * the head of the sequence branches there and so skips everything in between. That needs an empty operand stack before
 * each entry, so operands are put aside in locals there and taken back after it. After a site the state global says
 * whether the callee was suspended; if so the function leaves its outermost block, saves all its locals and returns.
 */
export class SuspendableFunction {
  readonly #source: SourceFunction;
  readonly #module: WasmModule;
  readonly #layout: PreparedLayout;
  readonly #graph: SuspensionGraph;
  readonly #costs: CallCosts;
  readonly #type: FunctionType;
  readonly #code: ByteWriter;
  readonly #plan: readonly SequencePlan[];
  readonly #stack: OperandStack;
  readonly #locals: SavedLocals;
  readonly #fuel: FuelCode;
  readonly #scratch: number;
  readonly #site: number;
  readonly #open: OpenConstruct[] = [];
  #nextSequence = 0;
  #nextSite = 1;
  /** Constructs that are open in what is written. */
  #depth = UNWIND_DEPTH;

  constructor(
    source: SourceFunction,
    module: WasmModule,
    layout: PreparedLayout,
    graph: SuspensionGraph,
    costs: CallCosts,
  ) {
    const own = localTypes(source.type, source.body);
    this.#source = source;
    this.#module = module;
    this.#layout = layout;
    this.#graph = graph;
    this.#costs = costs;
    this.#type = source.type;
    this.#code = new ByteWriter(source.limit);
    this.#plan = planSuspension(module.bytes, source.body, graph);
    this.#stack = new OperandStack(module, own);
    this.#locals = new SavedLocals(own, 2);
    this.#fuel = new FuelCode(this.#code, layout, own.length, source.scan.hasCallFreeLoop);
    this.#scratch = own.length + 1;
    this.#site = this.#locals.add(ValueType.i32);
  }

  /** Writes the locals and the code of the function. */
  write(out: ByteWriter): void {
    const { body, scan } = this.#source;
    this.#writeBody();
    writeLocals(out, body, [{ count: 2, type: ValueType.i32 }, ...this.#locals.added()]);
    const entry = new FuelCode(out, this.#layout, this.#scratch - 1, scan.hasCallFreeLoop);
    entry.load();
    out.code(Op.globalGet).u32(this.#layout.stateGlobal).code(Op.if, VOID_BLOCK);
    this.#locals.writeLoad(out, this.#layout);
    out.code(Op.else);
    const charge = this.#costs.entry(scan);
    if (charge !== undefined) {
      entry.charge(charge.cost);
    }
    out.code(Op.end, Op.block, VOID_BLOCK);
    out.raw(this.#code.bytes());
    entry.publish();
    out.code(Op.return, Op.end);
    this.#locals.writeSave(out, this.#layout);
    for (const type of this.#type.results) {
      writeZero(out, type);
    }
    out.code(Op.end);
  }

  #writeBody(): void {
    const { bytes } = this.#module;
    const { body } = this.#source;
    this.#open.push({
      type: { ...this.#type, params: [] },
      base: 0,
      depth: 0,
      written: 0,
      end: () => {},
      suspends: true,
    });
    this.#beginSequence(this.#takePlan());
    const instruction = new LiveInstructions(new ByteReader(bytes, body.start, body.end));
    while (instruction.next() && this.#open.length > 0) {
      this.#instruction(instruction);
    }
  }

  #instruction(instruction: LiveInstructions): void {
    switch (instruction.opcode) {
      case Op.block:
      case Op.loop:
      case Op.if:
        this.#beginConstruct(instruction);
        return;
      case Op.else:
        this.#code.code(Op.else);
        this.#beginArm();
        return;
      case Op.end:
        this.#endConstruct();
        return;
      case Op.br:
      case Op.brIf:
      case Op.brTable:
      case Op.return:
        this.#branch(instruction);
        return;
      case Op.call:
      case Op.callIndirect:
        this.#call(instruction);
        return;
    }
    if (isBulkOperation(instruction.opcode)) {
      this.#fuel.chargeLength(this.#scratch);
    }
    this.#code.range(this.#module.bytes, instruction.start, instruction.end);
    this.#stack.apply(instruction);
  }

  #takePlan(): SequencePlan {
    const plan = this.#plan[this.#nextSequence] ?? NO_SITES;
    this.#nextSequence += 1;
    return plan;
  }

  #get(local: number): ByteWriter {
    return this.#code.code(Op.localGet).u32(local);
  }

  // Constructs

  #beginConstruct(instruction: LiveInstructions): void {
    const { opcode, blockType, start, immediates, end } = instruction;
    const plan = this.#takePlan();
    const type = blockFunctionType(this.#module, blockType);
    const conditions = opcode === Op.if ? 1 : 0;
    const base = this.#stack.height - type.params.length - conditions;
    if (plan.suspends) {
      this.#arrive();
      this.#takeBack(base, base + type.params.length);
      if (opcode === Op.if) {
        this.#writeCondition(plan);
      }
    }
    const loop = this.#source.scan.loops.get(start);
    const isPaid = loop?.charge.type === "paid" || !this.#layout.countsFuel;
    let written = 1;
    let writeEnd = () => {
      this.#code.code(Op.end);
    };
    if (loop?.callFree === true && !isPaid) {
      const blockTypeBytes = this.#module.bytes.subarray(immediates, end);
      written = this.#fuel.beginLoop(blockTypeBytes, loop.cost, true);
      writeEnd = () => this.#fuel.endLoop(blockTypeBytes, loop.cost, true);
    } else {
      this.#code.range(this.#module.bytes, start, end);
    }
    this.#stack.cut(base);
    this.#stack.push(type.params);
    this.#depth += written;
    this.#open.push({ type, base, depth: this.#depth, written, end: writeEnd, suspends: plan.suspends });
    this.#beginSequence(plan);
    if (loop !== undefined && !loop.callFree) {
      this.#fuel.charge(this.#costs.turn(loop));
    }
  }

  /** The condition of an if with sites: its own, or the arm that has the site at which to continue. */
  #writeCondition({ lastOfThen, last }: SequencePlan): void {
    const condition = this.#locals.slot(this.#stack.height - 1, ValueType.i32);
    const hasSitesInThen = lastOfThen >= this.#nextSite;
    const hasSitesInElse = last > lastOfThen;
    if (!hasSitesInElse) {
      this.#get(condition);
      this.#get(this.#site).code(Op.i32Or);
    } else if (!hasSitesInThen) {
      this.#get(condition).code(Op.i32Const, 0);
      this.#get(this.#site).code(Op.i32Eqz, Op.select);
    } else {
      this.#get(this.#site).code(Op.i32Const).s32(lastOfThen).code(Op.i32LeU);
      this.#get(condition);
      this.#get(this.#site).code(Op.select);
    }
  }

  #beginArm(): void {
    const construct = this.#open[this.#open.length - 1];
    this.#stack.cut(construct?.base ?? 0);
    this.#stack.push(construct?.type.params ?? []);
    this.#beginSequence(this.#takePlan());
  }

  #endConstruct(): void {
    const construct = this.#open.pop();
    if (construct === undefined || this.#open.length === 0) {
      return;
    }
    construct.end();
    this.#depth -= construct.written;
    this.#stack.cut(construct.base);
    this.#stack.push(construct.type.results);
    if (construct.suspends) {
      this.#takeBackBelow(construct.type.results.length);
    }
  }

  /** The head of a sequence: on the way back to a site it goes straight to the entry that has it. */
  #beginSequence({ entries }: SequencePlan): void {
    if (entries.length === 0) {
      return;
    }
    this.#putAside();
    for (const _ of entries) {
      this.#code.code(Op.block, VOID_BLOCK);
    }
    this.#depth += entries.length;
    this.#get(this.#site);
    if (entries.length === 1) {
      this.#code.code(Op.brIf, 0);
    } else {
      this.#code.code(Op.if, VOID_BLOCK);
      for (const [at, last] of entries.slice(0, -1).entries()) {
        this.#get(this.#site)
          .code(Op.i32Const)
          .s32(last)
          .code(Op.i32LeU, Op.brIf)
          .u32(at + 1);
      }
      this.#code.code(Op.br).u32(entries.length).code(Op.end);
    }
    this.#takeBack(this.#frameBase(), this.#stack.height);
  }

  // Entries of a sequence, and the operands around them

  #frameBase(): number {
    return this.#open[this.#open.length - 1]?.base ?? 0;
  }

  /** The place just before an entry: where the head of the sequence branches to, with an empty operand stack. */
  #arrive(): void {
    this.#putAside();
    this.#code.code(Op.end);
    this.#depth -= 1;
  }

  /** Puts all operands of the innermost construct into their locals. */
  #putAside(): void {
    for (let height = this.#stack.height - 1; height >= this.#frameBase(); height -= 1) {
      this.#code.code(Op.localSet).u32(this.#locals.slot(height, this.#stack.typeAt(height)));
    }
  }

  /** Takes the operands from one height up to another back. */
  #takeBack(from: number, to: number): void {
    for (let height = from; height < to; height += 1) {
      this.#get(this.#locals.slot(height, this.#stack.typeAt(height)));
    }
  }

  /** Takes back what was put aside below the results of an entry. */
  #takeBackBelow(results: number): void {
    const { height } = this.#stack;
    const below = height - results;
    if (below === this.#frameBase()) {
      return;
    }
    for (let at = height - 1; at >= below; at -= 1) {
      this.#code.code(Op.localSet).u32(this.#locals.slot(at, this.#stack.typeAt(at)));
    }
    this.#takeBack(this.#frameBase(), height);
  }

  // Calls and branches

  #call(instruction: LiveInstructions): void {
    const { opcode, index } = instruction;
    const isSite = this.#graph.isSite(instruction);
    const { params, results } = calledType(this.#module, opcode, index);
    if (isSite) {
      const { height } = this.#stack;
      this.#arrive();
      this.#code.code(Op.i32Const).s32(this.#nextSite).code(Op.localSet).u32(this.#site);
      this.#nextSite += 1;
      this.#takeBack(height - params.length - (opcode === Op.callIndirect ? 1 : 0), height);
    }
    this.#fuel.publish();
    writeCall(this.#code, instruction, this.#layout);
    this.#fuel.load();
    this.#stack.apply(instruction);
    if (isSite) {
      this.#code.code(Op.globalGet).u32(this.#layout.stateGlobal);
      this.#code.code(Op.brIf).u32(this.#depth - UNWIND_DEPTH);
      this.#code.code(Op.i32Const, 0, Op.localSet).u32(this.#site);
      this.#takeBackBelow(results.length);
    }
  }

  #branch(instruction: LiveInstructions): void {
    if (leavesFunction(instruction, this.#open.length - 1)) {
      this.#fuel.publish();
    }
    writeBranch(this.#code, instruction, (label) => this.#label(label));
    this.#stack.apply(instruction);
  }

  /** A label of the source in what is written. */
  #label(source: number): number {
    return this.#depth - (this.#open[this.#open.length - 1 - source]?.depth ?? 0);
  }
}

function writeZero(out: ByteWriter, type: ValueTypeCode): void {
  switch (type) {
    case ValueType.i32:
      out.code(Op.i32Const, 0);
      break;
    case ValueType.i64:
      out.code(Op.i64Const, 0);
      break;
    case ValueType.f32:
      out.code(Op.f32Const, 0, 0, 0, 0);
      break;
    default:
      out.code(Op.f64Const, 0, 0, 0, 0, 0, 0, 0, 0);
  }
}
