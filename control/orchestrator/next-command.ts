import type { Command } from "./commands.js";
import type { DomainTables } from "./domain-tables.js";
import type { NodeRecord } from "./node-record.js";
import type { KnownPeer } from "./peer-table.js";
import { wiringOf } from "./wiring.js";

/**
 * The next thing to tell a node, or undefined when there is nothing to do now. Order: empty it, its peers, what must
 * end, what must start, how it is wired.
 */
export function nextCommand(node: NodeRecord, tables: DomainTables, nowMs: number): Command | undefined {
  const { plan, table } = node;
  if (plan.resetDue) return plan.isDue("reset:", nowMs) ? { type: "reset" } : undefined;
  const update = table.next(nowMs, (change) => isHeldBack(node, change, tables));
  if (update !== undefined) return { type: "peer", update };
  for (const [functionId, { kind, instance }] of plan.stops) {
    if (plan.isDue(`stop:${functionId}`, nowMs)) return { type: "stop", kind, instance };
  }
  if (table.isBehind) {
    table.waiting.add(node.nodeId);
    return undefined;
  }
  for (const logicalId of plan.starts) {
    const spawn = tables.components.get(logicalId)?.spawn;
    if (spawn !== undefined) return { type: "start", logicalId, spawn };
  }
  for (const logicalId of plan.patches) {
    const component = tables.components.get(logicalId);
    // It may have moved since the patch was planned; its new node has a plan of its own.
    if (component?.instance?.nodeId !== node.nodeId || !plan.isDue(`patch:${logicalId}`, nowMs)) continue;
    const { outputs, text } = wiringOf(component, tables);
    const { kind } = component.spawn;
    return { type: "patch", logicalId, kind, source: component.instance.functionId, outputs, wiring: text };
  }
  return undefined;
}

/**
 * A reference node freezes while it connects to a peer, for ever when the peer died. So it is told of one only when the
 * port of the peer was seen open after the node had registered.
 */
function isHeldBack(node: NodeRecord, { type, nodeId }: KnownPeer, tables: DomainTables): boolean {
  if (type !== "add" || node.reportsInstances) return false;
  const peer = tables.nodes.get(nodeId);
  return peer !== undefined && !tables.ports.isOpenSince(peer.facts.invocationUrl, node.plan.session);
}
