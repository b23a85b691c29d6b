import type { Uuid } from "../../core/uuid.js";
import type { Store, StoreChange } from "../../platform/store/store.js";
import type { CodeLibrary } from "./code-library.js";
import type { DomainTables } from "./domain-tables.js";
import type { Effects } from "./effects.js";
import type { PlannedStop } from "./node-plan.js";
import { encodeComponent, encodeDomain, encodeNode, encodeStop, KEYS } from "./saved-state.js";

/** Writes changed records to the store, many changes in one batch, one batch at a time. */
export class Journal {
  readonly #store: Store;
  readonly #tables: DomainTables;
  readonly #library: CodeLibrary;
  /** Changed records: how to read each one now, by key; undefined: it is gone. */
  #dirty = new Map<string, () => Uint8Array | undefined>();
  /** Code in the store: who needs it. */
  readonly #users = new Map<string, Set<Uuid>>();
  readonly #codeOf = new Map<Uuid, string>();
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(store: Store, tables: DomainTables, library: CodeLibrary) {
    this.#store = store;
    this.#tables = tables;
    this.#library = library;
  }

  /** Marks the records that a decision changed. */
  note(effects: Effects): void {
    if (effects.isDomainChanged) this.noteDomain();
    const { nodes, components } = this.#tables;
    for (const id of effects.nodes) {
      this.#mark(KEYS.node(id), () => {
        const node = nodes.get(id);
        if (node === undefined) return undefined;
        const { nodeId, nonce, facts, lifetimeMs, reportsInstances, plan } = node;
        const { resetDue } = plan;
        return encodeNode({ nodeId, nonce, facts, lifetimeMs, reportsInstances, resetDue });
      });
    }
    for (const id of effects.stops) {
      this.#mark(KEYS.stop(id), () => {
        const stop = this.#findStop(id);
        return stop && encodeStop(stop);
      });
    }
    for (const id of effects.components) {
      this.#mark(KEYS.component(id), () => {
        const component = components.get(id);
        // A first start that is not answered yet is not promised to anybody.
        if (component === undefined || component.waiter !== undefined) return undefined;
        const { logicalId, spawn, outputs, instance, home } = component;
        const retiring = component.retiring?.instance;
        return encodeComponent({ logicalId, spawn, outputs, instance, retiring, home }, this.#digestOf(id));
      });
    }
  }

  noteDomain(): void {
    const tables = this.#tables;
    this.#mark(KEYS.domain, () => encodeDomain(tables.nonce, tables.counter, tables.cordoned));
  }

  /** Notes code that the store holds already. */
  holds(logicalId: Uuid): void {
    const digest = this.#digestOf(logicalId);
    if (digest !== undefined) this.#use(logicalId, digest);
  }

  /**
   * Returns when all that was noted so far is kept.
   * @throws whatever the store throws; the changes stay noted and are tried again with the next flush
   */
  flush(): Promise<void> {
    if (this.#dirty.size === 0 && this.#next === undefined) return this.#last;
    this.#next ??= this.#writeNext();
    return this.#next;
  }

  async #writeNext(): Promise<void> {
    await this.#last.catch(() => undefined);
    this.#next = undefined;
    const dirty = this.#dirty;
    this.#dirty = new Map();
    this.#last = this.#store.write(this.#changes(dirty));
    try {
      await this.#last;
    } catch (error) {
      this.#last = Promise.resolve();
      for (const [key, read] of dirty) if (!this.#dirty.has(key)) this.#dirty.set(key, read);
      throw error;
    }
  }

  #changes(dirty: ReadonlyMap<string, () => Uint8Array | undefined>): StoreChange[] {
    const changes: StoreChange[] = [];
    for (const [key, read] of dirty) {
      const value = read();
      if (key.startsWith(KEYS.component(""))) changes.push(...this.#codeChanges(key, value !== undefined));
      changes.push(value === undefined ? { key } : { key, value });
    }
    return changes;
  }

  /** The code a component brings into the store or leaves behind as its last user. */
  #codeChanges(componentKey: string, isKept: boolean): StoreChange[] {
    const logicalId = componentKey.slice(KEYS.component("").length) as Uuid;
    const known = this.#codeOf.get(logicalId);
    const digest = isKept ? this.#digestOf(logicalId) : undefined;
    if (known !== undefined && digest === undefined) {
      this.#codeOf.delete(logicalId);
      const users = this.#users.get(known);
      users?.delete(logicalId);
      if (users === undefined || users.size > 0) return [];
      this.#users.delete(known);
      this.#library.forget(known);
      return [{ key: KEYS.code(known) }];
    }
    if (digest === undefined) return [];
    const binary = this.#binaryOf(logicalId);
    const isNew = !this.#users.has(digest);
    this.#use(logicalId, digest);
    return isNew && binary !== undefined ? [{ key: KEYS.code(digest), value: binary }] : [];
  }

  #use(logicalId: Uuid, digest: string): void {
    this.#codeOf.set(logicalId, digest);
    const users = this.#users.get(digest);
    if (users === undefined) this.#users.set(digest, new Set([logicalId]));
    else users.add(logicalId);
  }

  #digestOf(logicalId: Uuid): string | undefined {
    const binary = this.#binaryOf(logicalId);
    return binary && this.#library.digestOf(binary);
  }

  #binaryOf(logicalId: Uuid): Uint8Array | undefined {
    const spawn = this.#tables.components.get(logicalId)?.spawn;
    return spawn?.kind === "function" ? spawn.request.code.binary : undefined;
  }

  #findStop(functionId: Uuid): PlannedStop | undefined {
    for (const { plan } of this.#tables.nodes.values()) {
      const stop = plan.stops.get(functionId);
      if (stop !== undefined) return stop;
    }
    return undefined;
  }

  #mark(key: string, read: () => Uint8Array | undefined): void {
    this.#dirty.set(key, read);
  }
}
