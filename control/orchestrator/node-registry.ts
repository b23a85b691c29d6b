import type { NodeGateway, NodeUpdate, Result } from "../../core/api.js";
import { parseEndpoint } from "../../core/endpoint.js";
import { reasonOf } from "../../core/errors.js";
import type { Uuid } from "../../core/uuid.js";
import type { Agenda } from "./agenda.js";
import type { ComponentLifecycle } from "./component-lifecycle.js";
import { NodePlan } from "./node-plan.js";
import { type NodeFacts, type NodeRecord, placementOf, sameFacts } from "./node-record.js";
import { PeerTable } from "./peer-table.js";
import type { SavedNode } from "./saved-state.js";

/** Fractions of a second are cut off on the wire: a deadline holds to the end of its second. */
const WHOLE_SECOND_MS = 999n;
const MAX_LIFETIME_MS = 10n ** 12n;

const ACCEPTED: Result<void> = { ok: true, value: undefined };

/** Nodes from their registration to their loss, and what their reports say. */
export class NodeRegistry {
  readonly #agenda: Agenda;
  readonly #components: ComponentLifecycle;
  /** Tables of gateways by their keys. */
  readonly #gateways = new Map<string, PeerTable>();
  /** Nodes of the reference. */
  readonly #references = new Set<Uuid>();
  #session = 0;
  /** Latest session of a node that does not tell its instances, which is one of the reference. */
  #referenceSession = 0;

  constructor(agenda: Agenda, components: ComponentLifecycle) {
    this.#agenda = agenda;
    this.#components = components;
  }

  /** Registration, refresh, report or farewell of a node. */
  update(update: NodeUpdate, nowMs: number, wallMs: number): Result<void> {
    const facts: NodeFacts = {
      agentUrl: update.agentUrl,
      invocationUrl: update.invocationUrl,
      capabilities: update.capabilities,
      resourceProviders: update.resourceProviders,
    };
    const wrong = whatIsWrongWith(facts, update.gateway);
    if (wrong !== undefined) return refuse(wrong);
    const known = this.#agenda.tables.nodes.get(update.nodeId);
    if (known !== undefined && known.formerNonce === update.nonce)
      return refuse("another process has registered as this node since");
    const lifetimeMs = lifetimeOf(update.refreshDeadline, wallMs);
    if (lifetimeMs <= 0) return this.#farewell(known, update, lifetimeMs);
    const node = known ?? this.#admit(update, facts);
    node.lifetimeMs = lifetimeMs;
    node.expiresAtMs = nowMs + lifetimeMs;
    this.#agenda.wakeAt(node.expiresAtMs);
    node.reportsInstances = update.instances !== undefined;
    node.sharedAgentUrl = update.gateway?.agentUrl;
    if (node.reportsInstances) this.#references.delete(node.nodeId);
    else this.#references.add(node.nodeId);
    if (known !== undefined) this.#refresh(node, update, facts);
    if (node.suspicion !== undefined) {
      node.suspicion = undefined;
      this.#agenda.reviewUnplaced();
    }
    this.#probePorts(node);
    this.#takeReport(node, update);
    this.#agenda.ready.add(node.nodeId);
    return ACCEPTED;
  }

  /** Takes back a node that was registered before a restart of the ε-ORC. */
  restore(saved: SavedNode, nowMs: number): void {
    const graceMs = Math.max(saved.lifetimeMs, this.#agenda.times.restoreGraceMs);
    const node = this.#create(saved.nodeId, saved.nonce, saved.facts, saved.resetDue);
    node.seen = false;
    node.lifetimeMs = saved.lifetimeMs;
    node.reportsInstances = saved.reportsInstances;
    node.expiresAtMs = nowMs + graceMs;
    this.#agenda.wakeAt(node.expiresAtMs);
  }

  /** Withdraws a node and all that is on it. */
  remove(node: NodeRecord, why: string): void {
    const { tables, effects } = this.#agenda;
    this.#agenda.logger.warn(`node ${why}`, { nodeId: node.nodeId });
    tables.nodes.delete(node.nodeId);
    this.#loseInstances(node);
    for (const functionId of node.plan.stops.keys()) effects.stops.add(functionId);
    for (const heir of tables.owners.claim(node.nodeId, [])) this.#reviewPlacement(heir);
    this.#references.delete(node.nodeId);
    this.#leaveTable(node);
    for (const table of tables.peerTables) {
      table.plan({ type: "delete", nodeId: node.nodeId });
      this.wake(table);
    }
    effects.gone.push(node.nodeId);
    effects.nodes.add(node.nodeId);
    this.#agenda.domainChanged();
    this.#agenda.reviewUnplaced();
  }

  /** A cordoned node keeps what runs there and takes nothing new, also after it restarted. */
  cordon(nodeId: Uuid, isCordoned: boolean): Result<void> {
    const { tables, effects } = this.#agenda;
    if (isCordoned === tables.cordoned.has(nodeId)) return ACCEPTED;
    if (isCordoned && !tables.nodes.has(nodeId))
      return { ok: false, error: { summary: "cordon declined", detail: `node ${nodeId} is unknown` } };
    if (isCordoned) tables.cordoned.add(nodeId);
    else tables.cordoned.delete(nodeId);
    effects.isDomainChanged = true;
    this.#reviewPlacement(nodeId);
    this.#agenda.domainChanged();
    this.#agenda.reviewUnplaced();
    return ACCEPTED;
  }

  /**
   * The port of an announced invocation URL was seen open.
   * @param session the newest one when the port was going to be looked at
   */
  portOpen(url: string, session: number): void {
    this.#agenda.tables.ports.seenOpen(url, session);
    for (const nodeId of this.#references) this.#agenda.ready.add(nodeId);
  }

  /** Lets nodes look for what is to be told to their process, and those that waited for it go on. */
  wake(table: PeerTable): void {
    const { ready } = this.#agenda;
    for (const nodeId of table.tellers()) ready.add(nodeId);
    for (const nodeId of table.waiting) ready.add(nodeId);
    table.waiting.clear();
  }

  /** A node did not answer: nothing new goes there until it reports again. */
  suspect(node: NodeRecord, reason: string, nowMs: number): void {
    node.suspicion = `did not answer lately (${reason})`;
    node.plan.backOff(nowMs);
    this.#agenda.wakeAt(node.plan.retryAtMs);
    this.#unqueueStarts(node);
  }

  /** A node answered. */
  answered(node: NodeRecord): void {
    node.plan.answered();
    if (node.suspicion === undefined) return;
    node.suspicion = undefined;
    this.#agenda.reviewUnplaced();
  }

  #farewell(known: NodeRecord | undefined, update: NodeUpdate, lifetimeMs: number): Result<void> {
    if (known === undefined)
      return refuse(`refresh_deadline passed ${-lifetimeMs} ms ago: do the clocks of the machines agree?`);
    if (known.nonce === update.nonce) this.remove(known, "left");
    return ACCEPTED;
  }

  /** An unknown node may hold anything: it is emptied first. */
  #admit(update: NodeUpdate, facts: NodeFacts): NodeRecord {
    const node = this.#create(update.nodeId, update.nonce, facts, true);
    this.#agenda.logger.info("node registered", { nodeId: node.nodeId, agentUrl: facts.agentUrl });
    const isNewTable = this.#joinTable(node, update.gateway);
    this.#introduce(node, false);
    if (isNewTable) this.#fillTable(node);
    this.#announce(node);
    return node;
  }

  #create(nodeId: Uuid, nonce: bigint, facts: NodeFacts, resetDue: boolean): NodeRecord {
    const { tables, random } = this.#agenda;
    const node: NodeRecord = {
      nodeId,
      nonce,
      formerNonce: undefined,
      facts,
      placement: placementOf(nodeId, facts, false, []),
      lifetimeMs: 0,
      expiresAtMs: Number.POSITIVE_INFINITY,
      seen: true,
      reportsInstances: false,
      suspicion: undefined,
      table: new PeerTable(undefined, facts.invocationUrl, random),
      sharedAgentUrl: undefined,
      reports: 0,
      instances: new Map(),
      statuses: new Map(),
      strangers: new Set(),
      plan: new NodePlan(++this.#session, resetDue, random),
    };
    tables.nodes.set(nodeId, node);
    this.#claimProviders(node);
    return node;
  }

  #refresh(node: NodeRecord, update: NodeUpdate, facts: NodeFacts): void {
    const isFirstContact = !node.seen;
    const isRestart = node.nonce !== update.nonce;
    const isElsewhere = node.facts.invocationUrl !== facts.invocationUrl;
    const isChanged = !sameFacts(node.facts, facts);
    node.seen = true;
    node.facts = facts;
    if (isRestart) this.#restart(node, update.nonce);
    const former = node.table;
    const isElseTable = node.table.gateway !== keyOf(update.gateway, facts);
    const isLost = update.gateway === undefined && (isRestart || isFirstContact);
    const isNewTable = (isElseTable || isLost || isFirstContact) && this.#joinTable(node, update.gateway);
    const isMoved = isElseTable && !isFirstContact && !isOneGateway(former, node);
    if (isRestart || isFirstContact) this.#introduce(node, isMoved);
    else if (isElsewhere || isMoved) this.#announceTo(node, isMoved);
    if (isNewTable) this.#fillTable(node);
    if (isChanged) this.#claimProviders(node);
    if (isChanged || isRestart) this.#announce(node);
    if (isFirstContact) this.#agenda.reviewUnplaced();
  }

  /** Has the ports looked at that a node of the reference is going to connect to. */
  #probePorts(node: NodeRecord): void {
    const { tables, effects } = this.#agenda;
    const isNewReference = !node.reportsInstances && node.plan.session > this.#referenceSession;
    if (isNewReference) this.#referenceSession = node.plan.session;
    const session = this.#referenceSession;
    for (const { facts, seen } of isNewReference ? tables.nodes.values() : [node])
      if (seen && !tables.ports.isOpenSince(facts.invocationUrl, session))
        effects.probes.set(facts.invocationUrl, session);
  }

  /** The process of a node is new: what ran there is gone. */
  #restart(node: NodeRecord, nonce: bigint): void {
    this.#agenda.logger.info("node restarted", { nodeId: node.nodeId });
    node.formerNonce = node.nonce;
    node.nonce = nonce;
    const former = node.plan;
    node.plan = new NodePlan(++this.#session, true, this.#agenda.random);
    for (const functionId of former.stops.keys()) this.#agenda.effects.stops.add(functionId);
    this.#noteUncertain(node, former);
    this.#loseInstances(node, former);
    if (node.table.gateway === undefined) this.#agenda.tables.ports.forget(node.facts.invocationUrl);
    // Another node of its gateway tells what this one was told of just now.
    node.table.abandon(node.nodeId);
    this.wake(node.table);
    node.reports = 0;
  }

  /** What was started since the last report may have reached the new process and live until it is emptied. */
  #noteUncertain(node: NodeRecord, former: NodePlan): void {
    const { components } = this.#agenda.tables;
    const { current } = former;
    for (const { classKey } of former.stops.values()) node.plan.untilReset.push(classKey);
    for (const [token, classKey] of former.uncertain) node.plan.uncertain.set(token, classKey);
    if (current?.command.type === "start")
      node.plan.uncertain.set(current.token, components.get(current.command.logicalId)?.classKey ?? "");
    for (const logicalId of node.instances.values()) {
      const component = components.get(logicalId);
      if (component !== undefined && component.placedAtReport >= node.reports)
        node.plan.untilReset.push(component.classKey);
    }
  }

  #loseInstances(node: NodeRecord, plan: NodePlan = node.plan): void {
    const { tables } = this.#agenda;
    for (const logicalId of [...node.instances.values()]) {
      const component = tables.components.get(logicalId);
      if (component !== undefined) this.#components.lost(component);
    }
    node.instances.clear();
    node.statuses = new Map();
    node.strangers = new Set();
    for (const component of tables.components.values()) {
      if (component.retiring?.instance.nodeId === node.nodeId) component.retiring = undefined;
      if (component.start?.nodeId !== node.nodeId) continue;
      if (component.start.issued && component.instance === undefined)
        component.tried.set(node.nodeId, "was lost while it started the component");
      this.#components.unqueue(component);
    }
    plan.starts.clear();
    this.#agenda.reviewUnplaced();
  }

  #unqueueStarts(node: NodeRecord): void {
    for (const logicalId of node.plan.starts) {
      const component = this.#agenda.tables.components.get(logicalId);
      if (component?.start?.nodeId === node.nodeId) this.#components.unqueue(component);
    }
    node.plan.starts.clear();
  }

  /** Tells all others of a node, which may be tried again. */
  #introduce(node: NodeRecord, isMoved: boolean): void {
    for (const logicalId of this.#agenda.unplaced)
      this.#agenda.tables.components.get(logicalId)?.tried.delete(node.nodeId);
    this.#announceTo(node, isMoved);
  }

  /**
   * Tells every process where a node takes events; one that speaks for itself is told of itself too.
   * @param isMoved its gateway may know it at another place
   */
  #announceTo(node: NodeRecord, isMoved: boolean): void {
    const { nodeId, facts } = node;
    for (const table of this.#agenda.tables.peerTables) {
      if (!isMoved && isOneGateway(table, node)) continue;
      table.plan({ type: "add", nodeId, invocationUrl: facts.invocationUrl });
      this.wake(table);
    }
  }

  /** @returns true when the process behind the table knows of no peers yet */
  #joinTable(node: NodeRecord, gateway: NodeGateway | undefined): boolean {
    const { tables, random } = this.#agenda;
    this.#leaveTable(node);
    const key = keyOf(gateway, node.facts);
    const known = key === undefined ? undefined : this.#gateways.get(key);
    node.table = known ?? new PeerTable(key, node.facts.invocationUrl, random);
    node.table.members.add(node.nodeId);
    node.table.drop(node.nodeId);
    tables.peerTables.add(node.table);
    if (known === undefined) tables.ports.forget(node.facts.invocationUrl);
    if (key !== undefined) this.#gateways.set(key, node.table);
    return known === undefined;
  }

  #leaveTable({ nodeId, table, facts }: NodeRecord): void {
    const { peerTables, ports } = this.#agenda.tables;
    table.members.delete(nodeId);
    table.waiting.delete(nodeId);
    table.abandon(nodeId);
    if (table.members.size > 0) {
      this.wake(table);
      return;
    }
    peerTables.delete(table);
    ports.forget(facts.invocationUrl);
    if (table.gateway !== undefined) this.#gateways.delete(table.gateway);
  }

  /** Tells the process behind a node, which knows nobody, of all other nodes. */
  #fillTable({ table, nodeId }: NodeRecord): void {
    for (const other of this.#agenda.tables.nodes.values()) {
      if (other.nodeId === nodeId || isOneGateway(table, other)) continue;
      table.plan({ type: "add", nodeId: other.nodeId, invocationUrl: other.facts.invocationUrl });
    }
    this.wake(table);
  }

  /** What a node offers changed. */
  #announce(node: NodeRecord): void {
    this.#agenda.effects.nodes.add(node.nodeId);
    this.#agenda.domainChanged();
    this.#agenda.reviewUnplaced();
  }

  #claimProviders(node: NodeRecord): void {
    const heirs = this.#agenda.tables.owners.claim(node.nodeId, providerIds(node.facts));
    for (const heir of heirs) this.#reviewPlacement(heir);
    this.#reviewPlacement(node.nodeId);
  }

  /** The facts of a node, its cordon or what it owns changed. */
  #reviewPlacement(nodeId: Uuid): void {
    const { nodes, owners, cordoned } = this.#agenda.tables;
    const node = nodes.get(nodeId);
    if (node === undefined) return;
    const { facts } = node;
    const owned = facts.resourceProviders.filter(({ providerId }) => owners.ownerOf(providerId) === nodeId);
    node.placement = placementOf(nodeId, facts, cordoned.has(nodeId), owned);
  }

  /** Compares what a node says it runs with what it should run. */
  #takeReport(node: NodeRecord, update: NodeUpdate): void {
    node.reports++;
    if (update.instances === undefined) return;
    const { tables, effects } = this.#agenda;
    const statuses = new Map(update.instances.map((status) => [status.functionId, status]));
    const { plan } = node;
    const isStarting = plan.current?.command.type === "start";
    const strangers = new Set<Uuid>();
    for (const status of statuses.values()) {
      const { functionId } = status;
      if (node.instances.has(functionId)) {
        const before = node.statuses.get(functionId);
        if (JSON.stringify(before) !== JSON.stringify(status)) effects.isReportChanged = true;
        continue;
      }
      // A report may be older than the answer to a start or a stop, so only the second one in a row counts.
      if (isStarting || plan.resetDue || plan.stops.has(functionId) || isRetiring(functionId, this.#agenda))
        continue;
      if (!node.strangers.has(functionId)) strangers.add(functionId);
      else this.#stopStranger(node, functionId);
    }
    for (const [functionId, logicalId] of [...node.instances]) {
      const component = tables.components.get(logicalId);
      if (component === undefined || statuses.has(functionId)) continue;
      if (node.reports - component.placedAtReport < 2) continue;
      this.#agenda.logger.warn("an instance vanished from its node", { nodeId: node.nodeId, functionId });
      this.#components.lost(component);
    }
    node.statuses = statuses;
    node.strangers = strangers;
  }

  #stopStranger(node: NodeRecord, functionId: Uuid): void {
    this.#agenda.logger.warn("a node runs an instance that nobody asked for", {
      nodeId: node.nodeId,
      functionId,
    });
    const instance = { nodeId: node.nodeId, functionId };
    this.#agenda.planStop(node, { instance, kind: "any", classKey: "" });
  }
}

/** Tells gateways, and their lives, apart: one at another place is another one, whatever it says. */
function keyOf(gateway: NodeGateway | undefined, { invocationUrl }: NodeFacts): string | undefined {
  return gateway && `${gateway.nonce} ${invocationUrl}`;
}

/** True when a table belongs to the gateway of a node, before or after it lost its state. */
function isOneGateway(table: PeerTable, { table: own, facts }: NodeRecord): boolean {
  if (table.gateway === undefined || own.gateway === undefined) return false;
  return table === own || table.invocationUrl === facts.invocationUrl;
}

function isRetiring(functionId: Uuid, { retiring, tables }: Agenda): boolean {
  for (const logicalId of retiring)
    if (tables.components.get(logicalId)?.retiring?.instance.functionId === functionId) return true;
  return false;
}

function providerIds(facts: NodeFacts): string[] {
  return facts.resourceProviders.map(({ providerId }) => providerId);
}

function lifetimeOf(refreshDeadline: bigint, wallMs: number): number {
  const restMs = refreshDeadline * 1000n + WHOLE_SECOND_MS - BigInt(Math.floor(wallMs));
  return Number(restMs > MAX_LIFETIME_MS ? MAX_LIFETIME_MS : restMs);
}

function whatIsWrongWith(facts: NodeFacts, gateway: NodeGateway | undefined): string | undefined {
  try {
    const agent = parseEndpoint(facts.agentUrl, "agent_url");
    parseEndpoint(facts.invocationUrl, "invocation_url");
    const shared = gateway && parseEndpoint(gateway.agentUrl, "gateway.agent_url");
    if (agent.scheme === "coap" || shared?.scheme === "coap")
      return "agent_url: agents are called over http or https only";
  } catch (error) {
    return reasonOf(error);
  }
  return undefined;
}

function refuse(detail: string): Result<void> {
  return { ok: false, error: { summary: "invalid node configuration", detail } };
}
