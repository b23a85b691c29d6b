import type { RedisCommand } from "../../../platform/redis/redis-session.js";
import type { DomainTables } from "../domain-tables.js";
import type { Changes } from "../observer.js";
import { encodeCapabilities, encodeDependency, encodeInstance, encodeProvider } from "./proxy-json.js";
import { type MirrorGroup, PROXY_KEYS } from "./proxy-keys.js";

/** Knows what the mirror of a domain should say and what it says, and gives the difference as commands. */
export class StateMirror {
  #tables: DomainTables | undefined;
  readonly #components = new Set<string>();
  #isDomainDirty = true;
  /** What was written so far, by group and id. */
  readonly #written: Readonly<Record<MirrorGroup, Map<string, string>>> = {
    "node:capabilities": new Map(),
    provider: new Map(),
    instance: new Map(),
    dependency: new Map(),
  };

  /** Takes note of what a decision changed. */
  note(changes: Changes, tables: DomainTables): void {
    if (this.#tables === undefined) {
      this.#tables = tables;
      this.forget();
    }
    if (changes.isDomainChanged || changes.nodes.size > 0) this.#isDomainDirty = true;
    for (const id of changes.components) this.#components.add(id);
  }

  /** Forgets what was written: everything is to be written again. */
  forget(): void {
    for (const written of Object.values(this.#written)) written.clear();
    this.#isDomainDirty = true;
    for (const id of this.#tables?.components.keys() ?? []) this.#components.add(id);
  }

  /** Every key that the mirror should have now, those of the last updates excepted. */
  keys(): Set<string> {
    const keys = new Set<string>();
    const { nodes, components } = this.#tables ?? { nodes: new Map(), components: new Map() };
    for (const nodeId of nodes.keys()) keys.add(PROXY_KEYS.entry("node:capabilities", nodeId));
    for (const providerId of this.#providers().keys()) keys.add(PROXY_KEYS.entry("provider", providerId));
    for (const { logicalId, waiter, outputs } of components.values()) {
      if (waiter !== undefined) continue;
      keys.add(PROXY_KEYS.entry("instance", logicalId));
      if (outputs.size > 0) keys.add(PROXY_KEYS.entry("dependency", logicalId));
    }
    return keys;
  }

  /** True when a node is registered. */
  hasNode(nodeId: string): boolean {
    return this.#tables !== undefined && [...this.#tables.nodes.keys()].some((id) => id === nodeId);
  }

  /**
   * What has to be written now; counts as written afterwards.
   * @param time of the change, as it is written
   */
  takeCommands(time: string): RedisCommand[] {
    const commands: RedisCommand[] = [];
    if (this.#isDomainDirty) {
      this.#isDomainDirty = false;
      this.#replace("node:capabilities", this.#capabilities(), commands, time);
      this.#replace("provider", this.#providers(), commands, time);
    }
    if (this.#components.size > 0) {
      const instances = new Map<string, string | undefined>();
      const dependencies = new Map<string, string | undefined>();
      for (const id of this.#components) {
        instances.set(id, this.#instance(id));
        dependencies.set(id, this.#dependency(id));
      }
      this.#components.clear();
      this.#update("instance", instances, commands, time);
      this.#update("dependency", dependencies, commands, time);
    }
    return commands;
  }

  #capabilities(): Map<string, string> {
    const values = new Map<string, string>();
    for (const { nodeId, facts } of this.#tables?.nodes.values() ?? [])
      values.set(nodeId, encodeCapabilities(facts.capabilities));
    return values;
  }

  #providers(): Map<string, string> {
    const values = new Map<string, string>();
    for (const { nodeId, facts } of this.#tables?.nodes.values() ?? []) {
      for (const provider of facts.resourceProviders) {
        if (this.#tables?.owners.ownerOf(provider.providerId) === nodeId)
          values.set(provider.providerId, encodeProvider(provider, nodeId));
      }
    }
    return values;
  }

  #instance(id: string): string | undefined {
    const component = this.#find(id);
    return component && encodeInstance(component.spawn, component.instance);
  }

  #dependency(id: string): string | undefined {
    const outputs = this.#find(id)?.outputs;
    return outputs === undefined || outputs.size === 0 ? undefined : encodeDependency(outputs);
  }

  /** A component that was promised to the ε-CON. */
  #find(id: string) {
    const components: ReadonlyMap<string, ReturnType<DomainTables["components"]["get"]>> = this.#tables
      ?.components ?? new Map();
    const component = components.get(id);
    return component === undefined || component.waiter !== undefined ? undefined : component;
  }

  #replace(
    group: MirrorGroup,
    wanted: ReadonlyMap<string, string>,
    commands: RedisCommand[],
    time: string,
  ): void {
    const changes = new Map<string, string | undefined>(wanted);
    for (const id of this.#written[group].keys()) if (!wanted.has(id)) changes.set(id, undefined);
    this.#update(group, changes, commands, time);
  }

  #update(
    group: MirrorGroup,
    changes: ReadonlyMap<string, string | undefined>,
    commands: RedisCommand[],
    time: string,
  ): void {
    const written = this.#written[group];
    let isChanged = false;
    for (const [id, value] of changes) {
      if (written.get(id) === value) continue;
      isChanged = true;
      const key = PROXY_KEYS.entry(group, id);
      if (value === undefined) {
        written.delete(id);
        commands.push(["DEL", key]);
        if (group === "node:capabilities") commands.push(["DEL", PROXY_KEYS.health(id)]);
      } else {
        written.set(id, value);
        commands.push(["SET", key, value]);
      }
    }
    if (isChanged) commands.push(["SET", PROXY_KEYS.lastUpdate(group), time]);
  }
}
