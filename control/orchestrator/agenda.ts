import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import type { ComponentRecord } from "./component-record.js";
import type { DomainTables } from "./domain-tables.js";
import { type Effects, noEffects } from "./effects.js";
import type { PlannedStop } from "./node-plan.js";
import type { NodeRecord } from "./node-record.js";

/** Times that steer the decisions, milliseconds. */
export interface DecisionTimes {
  /** How long a first start may look for a node. */
  readonly startTimeoutMs: number;
  /** How long a moved instance waits until all that send to it know its successor. */
  readonly retireTimeoutMs: number;
  /** Least time that nodes known from before a restart of the ε-ORC have to report. */
  readonly restoreGraceMs: number;
}

/** The tables of a domain and what is to be looked at because of a change; shared by the decision parts. */
export class Agenda {
  readonly tables: DomainTables;
  readonly times: DecisionTimes;
  readonly random: Random;
  readonly logger: Logger;
  /** Components to place now. */
  readonly toPlace = new Set<Uuid>();
  /** Components whose wiring may have changed. */
  readonly toWire = new Set<Uuid>();
  /** Components without an instance. */
  readonly unplaced = new Set<Uuid>();
  /** Components whose former instance is still to end. */
  readonly retiring = new Set<Uuid>();
  /** Nodes whose plan may have something to send. */
  readonly ready = new Set<Uuid>();
  /** No decision depends on time alone before this moment. */
  wakeMs = Number.POSITIVE_INFINITY;
  effects: Effects = noEffects();

  constructor(tables: DomainTables, times: DecisionTimes, random: Random, logger: Logger) {
    this.tables = tables;
    this.times = times;
    this.random = random;
    this.logger = logger;
  }

  wakeAt(ms: number): void {
    if (ms < this.wakeMs) this.wakeMs = ms;
  }

  /** Every component without an instance gets a new chance: nodes or their state changed. */
  reviewUnplaced(): void {
    for (const logicalId of this.unplaced) this.toPlace.add(logicalId);
  }

  /** The outputs of a component or the place of its instance changed. */
  touch(component: ComponentRecord): void {
    this.toWire.add(component.logicalId);
    for (const dependent of this.tables.dependentsOf(component.logicalId)) this.toWire.add(dependent);
    this.effects.components.add(component.logicalId);
    this.effects.isReportChanged = true;
  }

  /** What the domain offers changed. */
  domainChanged(): void {
    this.tables.counter++;
    this.effects.isDomainChanged = true;
    this.effects.isReportChanged = true;
  }

  /** Ends an instance on a node, now or as soon as the node answers. */
  planStop(node: NodeRecord, stop: PlannedStop): void {
    node.plan.stops.set(stop.instance.functionId, stop);
    this.ready.add(node.nodeId);
    this.effects.stops.add(stop.instance.functionId);
  }

  /** The instances of a function class became fewer: the limit may allow another. */
  reviewClass(classKey: string): void {
    if (classKey === "") return;
    for (const logicalId of this.tables.membersOf(classKey))
      if (this.unplaced.has(logicalId)) this.toPlace.add(logicalId);
  }
}
