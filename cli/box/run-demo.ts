import { resolve } from "node:path";
import { EdgelessError } from "../../core/errors.js";
import { connectWorkflow, readTls } from "../../grpc-api/index.js";
import { systemClock } from "../../platform/system-clock.js";
import { DEFAULT_CONTROL_URL } from "../device-client.js";
import { type Closeable, untilSignal } from "../until-signal.js";
import { type Demo, startDemo } from "./demo.js";
import { startDemoDevices } from "./demo-devices.js";
import type { Box } from "./start-box.js";

/** Longest that the demo may take to bring the wanted events to the log, and how often it is looked at. */
const EXIT_DEADLINE_MS = 60_000;
const POLL_MS = 50;
const REQUEST_DEADLINE_MS = 10_000;
const LOG_FILE = "edgeless-box/demo.log";

/**
 * Adds emulated devices to a box, starts the demo workflow and tells what happens, until a signal or `wanted` events.
 * @param wanted undefined: for ever
 * @throws EdgelessError EDGELESS_TIMEOUT when the wanted events do not come within a minute
 */
export async function runDemo(
  box: Box,
  wanted: number | undefined,
  say: (line: string) => void,
): Promise<void> {
  const { controller, gateway, nodes } = box;
  const [node] = nodes;
  const { client } = readTls();
  const options = { deadlineMs: REQUEST_DEADLINE_MS, ...(client === undefined ? {} : { tls: client }) };
  const api = connectWorkflow(controller.controllerUrl, options);
  let demo: Demo | undefined;
  let devices: Closeable | undefined;
  const running = {
    async close() {
      await demo?.close();
      await devices?.close();
      api.close();
      await box.close();
    },
  };
  try {
    if (gateway === undefined || node === undefined) {
      throw new EdgelessError("EDGELESS_INTERNAL", "the demo needs a node and a gateway");
    }
    devices = await startDemoDevices(gateway.coapUrl);
    const nameOf = (nodeId: string) => {
      const device = gateway.registry.devices.find((candidate) => candidate.nodeId === nodeId);
      return device === undefined ? `node ${nodeId}` : `board ${device.name} (${device.record.facts.board})`;
    };
    const logFile = resolve(LOG_FILE);
    demo = await startDemo({ api, clock: systemClock, logFile, nodeId: node.nodeId, nameOf, say });
    say(suggestions(logFile, gateway.controlUrl));
  } catch (error) {
    await running.close();
    throw error;
  }
  await untilSignal(running, wanted === undefined ? undefined : untilEvents(demo, wanted, say));
}

function suggestions(logFile: string, controlUrl: string | undefined): string {
  const option = controlUrl === DEFAULT_CONTROL_URL ? "" : ` --control-url ${controlUrl}`;
  const control = controlUrl === undefined ? "" : `\n  npx edgeless device list${option}`;
  return `What to try next, in another terminal:
  tail -f ${logFile}
  npx edgeless workflow status all
  npx edgeless domain inspect all${control}
Ctrl-C ends the box.
`;
}

async function untilEvents(demo: Demo, wanted: number, say: (line: string) => void): Promise<void> {
  const endMs = systemClock.monotonicMs() + EXIT_DEADLINE_MS;
  while (demo.events() < wanted) {
    if (systemClock.monotonicMs() > endMs) {
      const sentence = `only ${demo.events()} of ${wanted} events reached the log in time`;
      throw new EdgelessError("EDGELESS_TIMEOUT", sentence);
    }
    await new Promise<void>((resolve) => void systemClock.setTimer(POLL_MS, resolve));
  }
  say(`${demo.events()} events reached the log.`);
}
