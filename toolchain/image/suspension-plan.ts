import { ByteReader } from "../wasm/byte-reader.js";
import { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import type { FunctionBody } from "../wasm/wasm-module.js";
import type { SuspensionGraph } from "./suspension-graph.js";

/**
 * One instruction sequence: the body of a function, block or loop, or one arm of an if. Sites, the calls in which the
 * function can be suspended, are numbered from 1 in the order of the code. An entry of a sequence is a site directly in
 * it or a construct that has sites inside, so entries cover consecutive ranges of sites.
 */
export interface SequencePlan {
  /** Number of the last site of each entry. */
  readonly entries: readonly number[];
  /** Whether the construct has sites; for an if: in either arm. */
  readonly suspends: boolean;
  /** For the first arm of an if: number of the last site before the second arm. */
  readonly lastOfThen: number;
  /** For the first arm of an if: number of the last site of the whole construct. */
  readonly last: number;
}

interface OpenSequence {
  entries: number[];
  suspends: boolean;
  lastOfThen: number;
  last: number;
}

interface OpenConstruct {
  readonly first: OpenSequence;
  current: OpenSequence;
  /** Sites before the construct. */
  readonly sitesBefore: number;
}

/** Finds the sites of a function; the sequences come in the order in which they begin. Only live code counts. */
export function planSuspension(
  bytes: Uint8Array,
  body: FunctionBody,
  graph: SuspensionGraph,
): SequencePlan[] {
  const instruction = new LiveInstructions(new ByteReader(bytes, body.start, body.end));
  const plan: OpenSequence[] = [];
  const open: OpenConstruct[] = [];
  let sites = 0;
  const begin = (): OpenSequence => {
    const sequence: OpenSequence = { entries: [], suspends: false, lastOfThen: 0, last: 0 };
    plan.push(sequence);
    return sequence;
  };
  const enter = () => {
    const first = begin();
    open.push({ first, current: first, sitesBefore: sites });
  };
  enter();
  while (instruction.next()) {
    const construct = open[open.length - 1];
    if (construct === undefined) {
      break;
    }
    switch (instruction.opcode) {
      case Op.block:
      case Op.loop:
      case Op.if:
        enter();
        break;
      case Op.else:
        construct.first.lastOfThen = sites;
        construct.current = begin();
        break;
      case Op.end: {
        open.pop();
        const { first, current } = construct;
        first.suspends = sites > construct.sitesBefore;
        first.last = sites;
        if (current === first) {
          first.lastOfThen = sites;
        }
        if (first.suspends) {
          open[open.length - 1]?.current.entries.push(sites);
        }
        break;
      }
      default:
        if (graph.isSite(instruction)) {
          sites += 1;
          construct.current.entries.push(sites);
        }
    }
  }
  return plan;
}
