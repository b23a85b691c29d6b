/** One function of the text. */
export interface GraphNode {
  readonly calls: ReadonlySet<number>;
  /** Characters of its text, which stand for the time that one run of it takes without loops and calls. */
  readonly length: number;
}

/** Text that may run without asking whether the function may go on. */
const MAX_UNCHARGED = 4000;

/** What the calls between functions mean for bounding their time and depth. */
export interface CallFacts {
  /** Functions that can be inside themselves. */
  readonly recursive: ReadonlySet<number>;
  /** Functions that charge a turn when they begin. */
  readonly charged: ReadonlySet<number>;
  /** Most functions inside each other, recursion counted once. */
  readonly depth: number;
}

/** Finds recursion (components of the graph, by Tarjan's algorithm without recursion of its own) and costs. */
export function callFacts(graph: ReadonlyMap<number, GraphNode>): CallFacts {
  const recursive = new Set<number>();
  const charged = new Set<number>();
  const costs = new Map<number, number>();
  const depths = new Map<number, number>();
  let deepest = 0;
  for (const component of components(graph)) {
    const members = new Set(component);
    const isRecursive = component.length > 1 || component.some((index) => graph.get(index)?.calls.has(index));
    let depth = 0;
    let cost = 0;
    for (const index of component) {
      const { calls = new Set<number>(), length = 0 } = graph.get(index) ?? {};
      cost += length;
      for (const callee of calls) {
        if (!members.has(callee)) {
          cost += costs.get(callee) ?? 0;
          depth = Math.max(depth, depths.get(callee) ?? 0);
        }
      }
    }
    const isCharged = isRecursive || cost > MAX_UNCHARGED;
    for (const index of component) {
      if (isRecursive) {
        recursive.add(index);
      }
      if (isCharged) {
        charged.add(index);
      }
      costs.set(index, isCharged ? 0 : cost);
      depths.set(index, depth + component.length);
    }
    deepest = Math.max(deepest, depth + component.length);
  }
  return { recursive, charged, depth: deepest };
}

/** The strongly connected components, those that are called before their callers. */
function components(graph: ReadonlyMap<number, GraphNode>): number[][] {
  const found: number[][] = [];
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const path: number[] = [];
  const onPath = new Set<number>();
  for (const root of graph.keys()) {
    if (order.has(root)) {
      continue;
    }
    const work: { index: number; rest: Iterator<number> }[] = [];
    const enter = (index: number) => {
      order.set(index, order.size);
      low.set(index, order.size - 1);
      path.push(index);
      onPath.add(index);
      work.push({ index, rest: (graph.get(index)?.calls ?? new Set<number>()).values() });
    };
    enter(root);
    for (let top = work[work.length - 1]; top !== undefined; top = work[work.length - 1]) {
      const next = top.rest.next();
      if (next.done !== true) {
        if (!order.has(next.value)) {
          enter(next.value);
        } else if (onPath.has(next.value)) {
          low.set(top.index, Math.min(low.get(top.index) ?? 0, order.get(next.value) ?? 0));
        }
        continue;
      }
      work.pop();
      const caller = work[work.length - 1];
      if (caller !== undefined) {
        low.set(caller.index, Math.min(low.get(caller.index) ?? 0, low.get(top.index) ?? 0));
      }
      if (low.get(top.index) === order.get(top.index)) {
        const at = path.indexOf(top.index);
        const component = path.splice(at);
        for (const index of component) {
          onPath.delete(index);
        }
        found.push(component);
      }
    }
  }
  return found;
}
