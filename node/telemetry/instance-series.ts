import type { Uuid } from "../../core/uuid.js";

/** Instances that have series of their own; the measurements of further ones share one series. */
export const MOST_INSTANCES = 1_000;
/** Value of the label `function_id` of the shared series. */
export const OTHER_INSTANCES = "other";
/** How many ended instances are remembered, to keep a late measurement from bringing their series back. */
const MOST_ENDED = 1_000;

/** Which instances have series on the metrics page, so that they can be removed and stay bounded in number. */
export class InstanceSeries {
  readonly #remove: (series: { functionId: Uuid; functionTypes: ReadonlySet<string> }) => void;
  readonly #live = new Map<Uuid, Set<string>>();
  readonly #ended = new Set<Uuid>();

  /** @param remove takes the series of an ended instance off the page */
  constructor(remove: (series: { functionId: Uuid; functionTypes: ReadonlySet<string> }) => void) {
    this.#remove = remove;
  }

  /**
   * Notes a measurement of an instance, if given under a function_type.
   * @returns the function_id to label it with; undefined when the instance ended already
   */
  use(id: Uuid, functionType?: string): string | undefined {
    if (this.#ended.has(id)) return undefined;
    let types = this.#live.get(id);
    if (types === undefined) {
      if (this.#live.size >= MOST_INSTANCES) return OTHER_INSTANCES;
      types = new Set();
      this.#live.set(id, types);
    }
    if (functionType !== undefined) types.add(functionType);
    return id;
  }

  /** The instance runs (again) under this id. */
  revive(id: Uuid): void {
    this.#ended.delete(id);
  }

  /** Removes the series of an ended instance. */
  end(id: Uuid): void {
    const functionTypes = this.#live.get(id);
    this.#live.delete(id);
    if (functionTypes !== undefined) this.#remove({ functionId: id, functionTypes });
    this.#ended.add(id);
    if (this.#ended.size <= MOST_ENDED) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      return;
    }
  }
}
