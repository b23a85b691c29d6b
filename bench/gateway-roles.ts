/*
 * The processes that the benchmark of the gateway drives: a gateway, and a node that only sends, to compare it with. Each
 * tells its parent where it listens.
 */
import { parse } from "smol-toml";
import { SILENT } from "../core/log.js";
import { NIL_UUID, randomUuid } from "../core/uuid.js";
import { parseGatewayConfig } from "../gateway/config.js";
import { gatewayTemplate } from "../gateway/config-template.js";
import { startGateway } from "../gateway/start-gateway.js";
import { DataPlane } from "../grpc-api/data-plane/data-plane.js";
import { DATA_PLANE_DEFAULTS } from "../grpc-api/data-plane/data-plane-settings.js";
import { connectInvocation } from "../grpc-api/index.js";
import { systemClock } from "../platform/system-clock.js";
import { systemRandom } from "../platform/system-random.js";
import { eventFor, nowText, OUTSIDE } from "./gateway-load.js";

/** What the parent asks of a node: events for so long, one after the other with a pause, or as fast as they go. */
export interface SendOrder {
  readonly forMs: number;
  readonly pauseMs: number;
}

/** Events of the plain node that wait at a time: as many as the devices have under way, each of another instance too. */
const QUEUED = 64;
const SOURCES = Array.from({ length: QUEUED }, () => ({
  nodeId: NIL_UUID,
  functionId: randomUuid(systemRandom),
}));

const environment = { clock: systemClock, random: systemRandom, logger: SILENT };

async function serveGateway(nodeRegisterUrl: string): Promise<void> {
  const template = gatewayTemplate({
    coapUrl: "coap://127.0.0.1:0",
    ...{ nodeRegisterUrl, invocationUrl: "http://127.0.0.1:0" },
    ...{ controlUrl: "", metricsUrl: "", persistencePath: "" },
  });
  const gateway = await startGateway(parseGatewayConfig(parse(template)), environment);
  process.send?.({ coapUrl: gateway.coapUrl, invocationUrl: gateway.invocationUrl });
}

/** A node without functions, so that only the way of the events is measured. */
function serveNode(peerUrl: string): void {
  const plane = new DataPlane({
    ...environment,
    isLocal: () => false,
    connect: (url) => connectInvocation(url, { deadlineMs: DATA_PLANE_DEFAULTS.deadlineMs }),
    telemetry: { dropped: () => {} },
    settings: { ...DATA_PLANE_DEFAULTS, queueEvents: QUEUED },
  });
  plane.updatePeers({ type: "add", nodeId: OUTSIDE.nodeId, invocationUrl: peerUrl });
  let next = 0;
  process.on("message", ({ forMs, pauseMs }: SendOrder) => {
    const endMs = performance.now() + forMs;
    const send = () => {
      if (performance.now() > endMs) return;
      while (!plane.isCongested(OUTSIDE.nodeId)) {
        const source = SOURCES[next++ % SOURCES.length] ?? OUTSIDE;
        plane.send({ ...eventFor(OUTSIDE, nowText()), source });
        if (pauseMs > 0) break;
      }
      if (pauseMs > 0) setTimeout(send, pauseMs);
      else setImmediate(send);
    };
    send();
  });
  process.send?.({});
}

const [role = "", url = ""] = process.argv.slice(2);
if (role === "gateway") await serveGateway(url);
else serveNode(url);
process.on("disconnect", () => process.exit());
