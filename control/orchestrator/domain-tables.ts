import type { Uuid } from "../../core/uuid.js";
import type { ComponentRecord } from "./component-record.js";
import type { NodeRecord } from "./node-record.js";
import { OpenPorts } from "./open-ports.js";
import type { PeerTable } from "./peer-table.js";
import { ProviderOwners } from "./provider-owners.js";

const NOBODY: ReadonlySet<Uuid> = new Set();

/** What an ε-ORC knows: its nodes, its components and the indexes over them. */
export class DomainTables {
  readonly nodes = new Map<Uuid, NodeRecord>();
  readonly components = new Map<Uuid, ComponentRecord>();
  /** Nodes that take nothing new, registered or not. */
  readonly cordoned = new Set<Uuid>();
  readonly owners = new ProviderOwners();
  readonly ports = new OpenPorts();
  /** One for each process that speaks for nodes which were heard of. */
  readonly peerTables = new Set<PeerTable>();
  /** Identifies the state towards the ε-CON: another nonce means that the components were lost. */
  nonce: bigint;
  /** One more at each change of what the domain offers. */
  counter: bigint;
  readonly #dependents = new Map<Uuid, Set<Uuid>>();
  readonly #members = new Map<string, Set<Uuid>>();

  constructor(nonce: bigint, counter: bigint) {
    this.nonce = nonce;
    this.counter = counter;
  }

  add(component: ComponentRecord): void {
    this.components.set(component.logicalId, component);
    if (component.classKey !== "") include(this.#members, component.classKey, component.logicalId);
    for (const target of component.outputs.values()) include(this.#dependents, target, component.logicalId);
  }

  remove(component: ComponentRecord): void {
    this.setOutputs(component, new Map());
    this.components.delete(component.logicalId);
    exclude(this.#members, component.classKey, component.logicalId);
  }

  setOutputs(component: ComponentRecord, outputs: ReadonlyMap<string, Uuid>): void {
    for (const target of component.outputs.values()) exclude(this.#dependents, target, component.logicalId);
    component.outputs = outputs;
    for (const target of outputs.values()) include(this.#dependents, target, component.logicalId);
  }

  /** Components that send to this one. */
  dependentsOf(logicalId: Uuid): ReadonlySet<Uuid> {
    return this.#dependents.get(logicalId) ?? NOBODY;
  }

  /** Components of a function class. */
  membersOf(classKey: string): ReadonlySet<Uuid> {
    return this.#members.get(classKey) ?? NOBODY;
  }

  /** The smallest `max_instances` that a member of a function class demands; Infinity when none does. */
  limitOf(classKey: string): number {
    let limit = Number.POSITIVE_INFINITY;
    for (const logicalId of this.membersOf(classKey)) {
      const wanted = this.components.get(logicalId)?.requirements.maxInstances ?? 0;
      if (wanted > 0 && wanted < limit) limit = wanted;
    }
    return limit;
  }

  /** How many instances of a function class may exist now: placed, starting, ending, or started without an answer. */
  liveOf(classKey: string): number {
    let live = 0;
    for (const logicalId of this.membersOf(classKey)) {
      const component = this.components.get(logicalId);
      if (component?.instance !== undefined) live++;
      if (component?.start !== undefined) live++;
      if (component?.retiring !== undefined) live++;
    }
    for (const { plan } of this.nodes.values()) {
      for (const stop of plan.stops.values()) if (stop.classKey === classKey) live++;
      for (const uncertain of plan.uncertain.values()) if (uncertain === classKey) live++;
      for (const uncertain of plan.untilReset) if (uncertain === classKey) live++;
    }
    return live;
  }
}

function include<K>(index: Map<K, Set<Uuid>>, key: K, member: Uuid): void {
  const members = index.get(key);
  if (members === undefined) index.set(key, new Set([member]));
  else members.add(member);
}

function exclude<K>(index: Map<K, Set<Uuid>>, key: K, member: Uuid): void {
  const members = index.get(key);
  if (members?.delete(member) === true && members.size === 0) index.delete(key);
}
