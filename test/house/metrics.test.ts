import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { BridgeMeter } from "../../control/balancer/bridge-meter.js";
import { ControllerMetrics } from "../../control/controller/controller-metrics.js";
import { OrchestratorMetrics } from "../../control/orchestrator/orchestrator-metrics.js";
import { SILENT } from "../../core/log.js";
import { requireUuid } from "../../core/uuid.js";
import { NodeTelemetry } from "../../node/telemetry/node-telemetry.js";
import type { MetricsPage } from "../../platform/metrics-server.js";
import { systemClock as clock } from "../../platform/system-clock.js";
import { ROOT } from "../kit/repository.js";

const nodeId = requireUuid("11111111-2222-4333-8444-555555555555", "node");

function pages(): readonly MetricsPage[] {
  const controller = new ControllerMetrics();
  controller.watch(() => ({ domains: new Map(), workflows: new Map(), components: 0, stopsDue: 0 }));
  const orchestrator = new OrchestratorMetrics("domain");
  orchestrator.watch(() => ({
    ...{ nodes: new Map(), functions: new Map(), resources: new Map() },
    workflows: 0,
  }));
  const balancer = new BridgeMeter(nodeId, clock, false);
  balancer.watch(() => ({ bridges: 0, events: 0, calls: 0 }));
  const node = new NodeTelemetry({ nodeId, clock, logger: SILENT, performanceSamples: false });
  return [controller.page, orchestrator.page, balancer, node.page];
}

t.test("given the metrics of every component, when the page is read, then each is described", async (t) => {
  const text = readFileSync(join(ROOT, "docs/metrics.md"), "utf8");
  const described = new Set([...text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name]) => name ?? ""));
  const served = new Set<string>();
  for (const page of pages()) {
    for (const [, name = "", type] of (await page.render()).matchAll(/^# TYPE (\S+) (\S+)$/gm))
      served.add(type === "counter" && !name.endsWith("_total") ? `${name}_total` : name);
  }
  t.ok(served.size > 20);
  for (const name of served) t.ok(described.has(name), name);
  for (const name of described)
    if (name.startsWith("edgeless_")) t.ok(served.has(name), `${name} is still there`);
});
