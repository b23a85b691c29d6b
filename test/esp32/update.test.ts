import { parse } from "smol-toml";
import t from "tap";
import { GatewayControl } from "../../cli/device-client.js";
import { SILENT } from "../../core/log.js";
import { requireUuid } from "../../core/uuid.js";
import { BOOT, firmwareFiles } from "../../esp32/bundle/firmware-files.js";
import { parseGatewayConfig } from "../../gateway/config.js";
import { gatewayTemplate } from "../../gateway/config-template.js";
import { startGateway } from "../../gateway/start-gateway.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { spawn } from "../gateway/kit/gateway-rig.js";
import { EspruinoBoard, NO_ESPRUINO } from "../kit/espruino-board.js";
import { eventually } from "../kit/eventually.js";
import { freePorts } from "../kit/free-ports.js";
import { shippedModule } from "../kit/guest-driver.js";
import { ROOT } from "../kit/repository.js";
import { ScriptedOrchestrator } from "../node/kit/scripted-orchestrator.js";

t.setTimeout(400_000);

const NODE = requireUuid("5c2e9d14-0b37-4f68-9a01-d3e4f5061728", "node");

t.test(
  "given a board with the real interpreter and a gateway, when its firmware is updated, then it runs the new one, or the former one again",
  { skip: NO_ESPRUINO },
  async (t) => {
    const orchestrator = new ScriptedOrchestrator();
    const [port = 0, boardPort = 0] = await freePorts(2);
    const template = gatewayTemplate({
      coapUrl: `coap://127.0.0.1:${port}`,
      nodeRegisterUrl: await orchestrator.start(),
      invocationUrl: "http://127.0.0.1:0",
      controlUrl: "http://127.0.0.1:0",
      metricsUrl: "http://127.0.0.1:0",
      persistencePath: "",
    });
    const environment = { clock: systemClock, random: systemRandom, logger: SILENT };
    const gateway = await startGateway(parseGatewayConfig(parse(template)), environment);
    const control = new GatewayControl(gateway.controlUrl ?? "");
    const run = new EspruinoBoard();
    const files = Object.fromEntries(
      (await firmwareFiles(ROOT)).map(({ name, content }) => [name, content.toString("latin1")]),
    );
    const settings = { name: "desk", node: NODE, gateway: { address: "127.0.0.1", port }, port: boardPort };
    t.teardown(async () => {
      run.close();
      await gateway.close();
      await orchestrator.stop();
    });
    const startMs = performance.now();
    const lap = (what: string) => t.comment(`${what}: ${Math.round((performance.now() - startMs) / 1000)} s`);
    const detail = () => control.inspect("desk").catch(() => undefined);
    const firmwareIs = (version: string, state: string) =>
      eventually(
        `${version} ${state}`,
        async () => {
          const firmware = (await detail())?.firmware;
          return firmware?.version === version && firmware.state === state;
        },
        120_000,
      ).catch((error: unknown) => {
        throw new Error(run.output.slice(-1500), { cause: error });
      });

    // The boot script first, as a board has it after a while: it must not lie where files are moved.
    run.store({ [BOOT]: files[BOOT] ?? "", ...files, "edgeless.json": JSON.stringify(settings) });
    run.stayOn().powerOn();
    const [version]: [string] = JSON.parse(files["edgeless.fw"] ?? "");
    await firmwareIs(version, "proved");

    lap("registered");
    const parts = (resident: string) =>
      ["edgeless", "edgeless.cold"].map((name) => ({
        name,
        bytes: Buffer.from(name === "edgeless" ? resident : (files[name] ?? ""), "latin1"),
      }));
    await control.update("desk", "9.0.0", parts(`${files.edgeless};//9`));
    await eventually("sent", async () => (await detail())?.firmware?.update?.state !== "sending", 120_000);
    lap("sent");
    await firmwareIs("9.0.0", "on-trial");
    lap("registered with it");
    t.match((await detail())?.firmware?.update, { state: "done" });
    // The board notes what the gateway answers; before that it is not proved.
    await run.says(/registered as/);
    run.powerOn();
    await firmwareIs("9.0.0", "proved");

    await control.update("desk", "9.1.0", parts(`throw "broken"`));
    await firmwareIs("9.0.0", "gone-back");
    lap("gone back");
    t.match((await detail())?.firmware?.update, { version: "9.1.0", state: "failed" });

    const agent = await orchestrator.admit(NODE);
    const started = await agent.startFunction(spawn("double_tiny", shippedModule("double_tiny"), {}));
    t.ok(started.ok);
    const component = async () => (await detail())?.components[0];
    for (let boots = 0; boots < 3; boots++) {
      await eventually("it runs", async () => (await component())?.state === "running", 60_000);
      const restarted = (await component())?.restarts ?? 0;
      run.powerOn();
      await eventually("it was lost", async () => ((await component())?.restarts ?? 0) > restarted, 60_000);
    }
    await eventually("it is kept out", async () => (await component())?.state === "failed", 60_000);
    t.match((await component())?.reason, /EDGELESS_QUARANTINED: it ended three boots in a row/);
  },
);
