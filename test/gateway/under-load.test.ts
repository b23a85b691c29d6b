import { join } from "node:path";
import t from "tap";
import type { InstanceId } from "../../core/instance-id.js";
import { connectInvocation } from "../../grpc-api/index.js";
import { eventually } from "../kit/eventually.js";
import { cast, uuid } from "../node/kit/events.js";
import { rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const BOARDS = 6;
const PAUSE_MS = 10;

t.test(
  "given boards under load, when boards, the orchestrator and the gateway fail in turn, then events flow again each time",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "0") });
    const functions: InstanceId[] = [];
    for (let number = 1; number <= BOARDS; number++) {
      rig.device(number);
      functions.push(await run(rig, await rig.admit(number), "incr", { result: sink(number) }));
    }
    let invocation = connectInvocation(rig.gateway.invocationUrl, { deadlineMs: 2_000 });
    const sent = new Array<number>(BOARDS).fill(0);
    const refused = new Array<number>(BOARDS).fill(0);
    let isOver = false;
    const load = functions.map(async (target, index) => {
      while (!isOver) {
        const value = sent[index] ?? 0;
        sent[index] = value + 1;
        try {
          await invocation.handle(cast(SOURCE, target, `${value}`));
        } catch {
          refused[index] = (refused[index] ?? 0) + 1;
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    });
    const arrivedAt = (number: number) => rig.payloads(uuid(number)).map(Number);
    /** Events that were sent from now on arrive from every board. */
    const flows = async (what: string) => {
      const from = [...sent];
      await eventually(what, () =>
        functions.every((_, index) => (arrivedAt(index + 1).at(-1) ?? 0) > (from[index] ?? 0) + 5),
      );
    };
    await flows("at first");
    for (const number of [1, 2]) {
      rig.deviceOf(number).powerOff();
      await new Promise((resolve) => setTimeout(resolve, 300));
      rig.deviceOf(number).powerOn();
    }
    await flows("after boards lost their power");
    await rig.restartOrchestrator();
    await flows("without an orchestrator that knows anything");
    await eventually("all reported again", () =>
      functions.every(({ nodeId }) => rig.orchestrator.latest(nodeId) !== undefined),
    );
    await rig.crashGateway(join(folder, "1"));
    await rig.startGateway(join(folder, "1"));
    invocation.close();
    invocation = connectInvocation(rig.gateway.invocationUrl, { deadlineMs: 2_000 });
    await flows("after the gateway was killed");
    isOver = true;
    await Promise.all(load);
    invocation.close();
    await new Promise((resolve) => setTimeout(resolve, 500));

    for (let number = 1; number <= BOARDS; number++) {
      const values = arrivedAt(number);
      const all = sent[number - 1] ?? 0;
      const missing = all - (refused[number - 1] ?? 0) - new Set(values).size;
      t.comment(
        `board ${number}: ${all} sent, ${refused[number - 1]} refused, ${values.length} arrived, ${missing} missing`,
      );
      t.same(
        values.length - new Set(values).size <= 1,
        true,
        "at most the one under way at the kill came twice",
      );
      t.ok(missing < all / 4);
    }
    t.match(
      rig.gateway.registry.devices.map((device) => device.statuses().map(({ state }) => state)),
      new Array(BOARDS).fill(["running"]),
    );
  },
);
