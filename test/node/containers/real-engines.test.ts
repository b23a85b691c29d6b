import t from "tap";
import type { Uuid } from "../../../core/uuid.js";
import { EngineClient } from "../../../node/containers/engine/engine-client.js";
import { systemClock } from "../../../platform/system-clock.js";
import { systemRandom } from "../../../platform/system-random.js";
import { ContainerEngine, type ContainerEngineKind, DOCKER, PODMAN } from "../../kit/container-engine.js";
import { eventually } from "../../kit/eventually.js";
import { type PackedImage, packFunctionImage } from "../../kit/function-image.js";
import { uuid } from "../kit/events.js";
import { PROBE } from "./kit/function-process.js";
import { ContainerFixture, NODE } from "./kit/runtime-fixture.js";

t.setTimeout(240_000);

const IMAGE = "edgeless-probe";
const LABEL = "edgeless.node_id";

/** A container as a former life of a node would have left it, or one of another node. */
function container(name: string, nodeId: Uuid) {
  const labels = { [LABEL]: nodeId };
  return { name, image: IMAGE, labels, ports: [7101], devices: [], hosts: [] };
}

function fixtureAt(engine: ContainerEngine, { hostName }: ContainerEngineKind): Promise<ContainerFixture> {
  return ContainerFixture.create({
    engineSocket: engine.socket,
    guestApiHostUrl: "http://0.0.0.0:0",
    guestApiHostUrlAnnounced: `http://${hostName}:0`,
  });
}

let packed: Promise<PackedImage> | undefined;
function image(): Promise<PackedImage> {
  packed ??= packFunctionImage(IMAGE, PROBE);
  return packed;
}
t.teardown(async () => (await packed)?.remove());

for (const kind of [DOCKER, PODMAN]) {
  await t.test(
    `given a real engine, ${kind.name}, when the node uses it, then it answers as expected`,
    async (t) => {
      const engine = kind.missing ?? (await ContainerEngine.start(kind, await image()));
      if (typeof engine === "string") {
        t.pass("left out", { skip: engine });
        return;
      }
      t.teardown(() => engine.close());
      const client = new EngineClient({
        socketPath: engine.socket,
        timeoutMs: 30_000,
        clock: systemClock,
        random: systemRandom,
      });

      await t.test("when a container goes through its life, then repetitions are no errors", async (t) => {
        t.same(await client.image(IMAGE), { tcpPorts: [7101] });
        t.same(await client.image(`${IMAGE}:latest`), { tcpPorts: [7101] });
        const id = await client.create(container("life", uuid(77)));
        t.match(await client.inspect(id), { running: false });
        await client.start(id);
        await client.start(id);
        const info = await client.inspect("life");
        t.equal(info?.running, true);
        t.ok((info?.published.get(7101) ?? 0) > 0, "its port is published");
        t.same(await client.labelled(LABEL, uuid(77)), [id]);
        t.same(await client.labelled(LABEL, uuid(78)), []);
        const lines: string[] = [];
        const abort = new AbortController();
        const following = client.followLogs(
          id,
          true,
          ({ stream, text }) => lines.push(`${stream} ${text}`),
          abort.signal,
        );
        await eventually("a line", () => lines.length > 0);
        await client.stop(id, 1);
        await following;
        t.same(lines, ["stdout http://0.0.0.0:7101"]);
        await client.stop(id, 1);
        t.match(await client.inspect(id), { running: false, exitStatus: 137 });
        await client.remove(id);
        await client.remove(id);
        await client.stop(id, 1);
        t.equal(await client.inspect(id), undefined);
      });

      await t.test("when it refuses, then the reason is its own", async (t) => {
        const missing = {
          code: "EDGELESS_CONTAINER_IMAGE",
          message: /has no image nowhere:1: .*(no|No) such image/,
        };
        await t.rejects(client.image("nowhere:1"), missing);
        await t.rejects(client.create({ ...container("none", uuid(77)), image: "nowhere:1" }), missing);
        const id = await client.create(container("twice", uuid(77)));
        await t.rejects(client.create(container("twice", uuid(77))), {
          code: "EDGELESS_CONTAINER_ENGINE",
          message: /the engine answered \d+: .*twice.* already in use/,
        });
        await t.rejects(client.start("nobody"), { message: /the engine answered 404: .*nobody/ });
        const nowhere = { ...container("device", uuid(77)), devices: ["/dev/there-is-none"] };
        const started = client.create(nowhere).then((created) => client.start(created));
        await t.rejects(started, { code: "EDGELESS_CONTAINER_ENGINE", message: /there-is-none/ });
        await client.remove("device");
        await client.remove(id);
      });

      await t.test("when a function runs in a container, then it is as outside of one", async (t) => {
        const orphan = await client.create(container("orphan", uuid(NODE)));
        await client.start(orphan);
        const stranger = await client.create(container("stranger", uuid(77)));
        const fixture = await fixtureAt(engine, kind);
        try {
          await eventually("the orphan is gone", async () => (await client.inspect(orphan)) === undefined);
          t.ok(await client.inspect(stranger), "another node's container stays");
          const id = fixture.start(1, `container:${IMAGE}`, { payload: "p" });
          t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "p|none|?" });
          fixture.cast(id, "sync kept");
          fixture.cast(id, "exit");
          t.match((await fixture.until(id, "crashed")).reason, /exit status 3|FUNCTION_TRAPPED/);
          await fixture.until(id, "running", 1);
          t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "p|kept|?" });

          const [running = ""] = await client.labelled(LABEL, uuid(NODE));
          await engine.ask("POST", `/containers/${running}/kill`);
          t.match((await fixture.until(id, "crashed", 1)).reason, /exit status 137|FUNCTION_TRAPPED/);
          await fixture.until(id, "running", 2);

          // The engine is started anew: Docker has ended its containers with it, Podman has not.
          await engine.end();
          await engine.run();
          await eventually("an answer after the engine is back", async () => {
            const answer = await fixture.call(id, "again");
            return answer.type === "call-ret" && answer.payload === "p|kept|again";
          });
          t.equal(fixture.status(id)?.state, "running");

          const missing = fixture.start(2, "container:nowhere:1");
          t.match((await fixture.until(missing, "failed")).reason, /has no image nowhere:1/);
          await fixture.runtime.stop(id.functionId);
          t.equal(fixture.casts.at(-1), "stopped");
          t.same(await client.labelled(LABEL, uuid(NODE)), []);
          await fixture.until(fixture.start(3, `container:${IMAGE}`), "running");
        } finally {
          await fixture.close();
        }
        t.same(await client.labelled(LABEL, uuid(NODE)), [], "closing the node removes its containers");
        await client.remove(stranger);
      });
      client.close();
    },
  );
}
