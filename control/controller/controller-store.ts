import { createHash } from "node:crypto";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow } from "../../core/workflow.js";
import type { Store, StoreChange } from "../../platform/store/store.js";
import type { Debt } from "./debt.js";
import type { DomainRecord } from "./domain.js";
import {
  decodeDebt,
  decodeDomain,
  decodePortalIds,
  decodeWorkflow,
  encodeDebt,
  encodeDomain,
  encodePortalIds,
  encodeWorkflow,
} from "./stored-records.js";
import type { WorkflowRecord } from "./workflow-record.js";

/** Everything a controller needs to go on after a restart. */
export interface StoredState {
  readonly domains: readonly DomainRecord[];
  readonly workflows: readonly WorkflowRecord[];
  readonly debts: readonly Debt[];
  /** The highest number that crossings may have. */
  readonly portalIds: number;
}

interface Module {
  readonly bytes: Uint8Array;
  /** Workflows that use it, the ones being written included. */
  readonly users: Set<Uuid>;
  stored: boolean;
}

/** The controller's records in a {@link Store}; a module is kept once, however many workflows use it. */
export class ControllerStore {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #modules = new Map<string, Module>();
  readonly #digests = new WeakMap<Uint8Array, string>();

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Reads everything. A record that cannot be read is moved to `broken/` and logged; the others are not affected. */
  async load(): Promise<StoredState> {
    for await (const [key, bytes] of this.#store.entries("code/")) {
      const digest = key.slice("code/".length);
      this.#modules.set(digest, { bytes, users: new Set(), stored: true });
      this.#digests.set(bytes, digest);
    }
    const state = {
      domains: await this.#readAll("domain/", decodeDomain),
      workflows: await this.#readAll("workflow/", (bytes) =>
        decodeWorkflow(bytes, (digest) => this.#modules.get(digest)?.bytes),
      ),
      debts: await this.#readAll("stop/", decodeDebt),
      portalIds: Math.max(0, ...(await this.#readAll("portal-ids", decodePortalIds))),
    };
    for (const { workflowId, workflow } of state.workflows) {
      for (const digest of this.#digestsOf(workflow)) this.#modules.get(digest)?.users.add(workflowId);
    }
    return state;
  }

  /**
   * Writes a workflow, and other changes with it, all or none.
   * @throws EdgelessError EDGELESS_STORE_BROKEN
   */
  async saveWorkflow(record: WorkflowRecord, others: readonly StoreChange[]): Promise<void> {
    const changes: StoreChange[] = [];
    const written: Module[] = [];
    const joined: Module[] = [];
    for (const [digest, bytes] of this.#modulesOf(record.workflow)) {
      const module = this.#modules.get(digest) ?? { bytes, users: new Set(), stored: false };
      this.#modules.set(digest, module);
      if (!module.stored) {
        changes.push({ key: `code/${digest}`, value: bytes });
        written.push(module);
      }
      if (!module.users.has(record.workflowId)) joined.push(module);
      module.users.add(record.workflowId);
    }
    const value = encodeWorkflow(record, (binary) => this.#digestOf(binary));
    changes.push({ key: `workflow/${record.workflowId}`, value }, ...others);
    try {
      await this.#store.write(changes);
    } catch (error) {
      for (const module of joined) module.users.delete(record.workflowId);
      throw error;
    }
    for (const module of written) module.stored = true;
  }

  /**
   * Removes a workflow, and makes other changes with it, all or none.
   * @throws EdgelessError EDGELESS_STORE_BROKEN
   */
  async removeWorkflow(record: WorkflowRecord, others: readonly StoreChange[]): Promise<void> {
    const changes: StoreChange[] = [{ key: `workflow/${record.workflowId}` }, ...others];
    const unused: [string, Module][] = [];
    for (const digest of this.#digestsOf(record.workflow)) {
      const module = this.#modules.get(digest);
      if (module === undefined) continue;
      module.users.delete(record.workflowId);
      if (module.users.size > 0) continue;
      changes.push({ key: `code/${digest}` });
      unused.push([digest, module]);
      this.#modules.delete(digest);
    }
    try {
      await this.#store.write(changes);
    } catch (error) {
      for (const [digest, module] of unused) {
        module.users.add(record.workflowId);
        if (!this.#modules.has(digest)) this.#modules.set(digest, module);
      }
      throw error;
    }
  }

  /**
   * Keeps the highest number that crossings may have.
   * @throws EdgelessError EDGELESS_STORE_BROKEN
   */
  reservePortalIds(reserved: number): Promise<void> {
    return this.#store.write([{ key: "portal-ids", value: encodePortalIds(reserved) }]);
  }

  /** @throws EdgelessError EDGELESS_STORE_BROKEN */
  write(changes: readonly StoreChange[]): Promise<void> {
    return changes.length === 0 ? Promise.resolve() : this.#store.write(changes);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #readAll<T>(prefix: string, decode: (bytes: Uint8Array) => T): Promise<T[]> {
    const records: T[] = [];
    const aside: StoreChange[] = [];
    for await (const [key, bytes] of this.#store.entries(prefix)) {
      try {
        records.push(decode(bytes));
      } catch (error) {
        this.#logger.error("a record of the store cannot be read and is set aside", {
          key,
          reason: reasonOf(error),
        });
        aside.push({ key }, { key: `broken/${key}`, value: bytes });
      }
    }
    await this.write(aside);
    return records;
  }

  #digestOf(bytes: Uint8Array): string {
    let digest = this.#digests.get(bytes);
    if (digest === undefined) {
      digest = createHash("sha256").update(bytes).digest("hex");
      this.#digests.set(bytes, digest);
    }
    return digest;
  }

  #digestsOf(workflow: Workflow): IterableIterator<string> {
    return this.#modulesOf(workflow).keys();
  }

  #modulesOf(workflow: Workflow): Map<string, Uint8Array> {
    const modules = new Map<string, Uint8Array>();
    for (const { functionClass } of workflow.functions) {
      if (functionClass.binary !== undefined)
        modules.set(this.#digestOf(functionClass.binary), functionClass.binary);
    }
    return modules;
  }
}

/** The change that keeps a domain. */
export function keepDomain(domain: DomainRecord): StoreChange {
  return { key: `domain/${domain.domainId}`, value: encodeDomain(domain) };
}

/** The change that forgets a domain. */
export function forgetDomain(domainId: string): StoreChange {
  return { key: `domain/${domainId}` };
}

/** The change that keeps a debt. */
export function keepDebt(debt: Debt): StoreChange {
  return { key: debtKey(debt), value: encodeDebt(debt) };
}

/** The change that forgets a debt. */
export function forgetDebt(debt: Debt): StoreChange {
  return { key: debtKey(debt) };
}

function debtKey({ domainId, logicalId }: Debt): string {
  return `stop/${logicalId}/${domainId}`;
}
