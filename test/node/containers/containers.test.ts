import t from "tap";
import { eventually } from "../../kit/eventually.js";
import { uuid } from "../kit/events.js";
import { FunctionProcess } from "./kit/function-process.js";
import { ContainerFixture, NODE } from "./kit/runtime-fixture.js";
import { ScriptedEngine } from "./kit/scripted-engine.js";

t.setTimeout(180_000);

async function withEngine(
  work: (engine: ScriptedEngine, process: FunctionProcess) => Promise<void>,
): Promise<void> {
  const engine = new ScriptedEngine();
  await engine.start();
  const process = await FunctionProcess.probe();
  engine.port = process.port;
  engine.images.set("probe:latest", ["7101/tcp"]);
  try {
    await work(engine, process);
  } finally {
    await process.kill();
    await engine.close();
  }
}

t.test(
  "given an image, when a function is started from it, ends by itself and is stopped, then no container stays",
  async (t) => {
    await withEngine(async (engine) => {
      const orphan = engine.plant("left-behind", { "edgeless.node_id": uuid(NODE) });
      const stranger = engine.plant("not-ours", { "edgeless.node_id": uuid(77) });
      const fixture = await ContainerFixture.create({ engineSocket: engine.path });
      await eventually("the orphan is removed", () => !engine.containers.has(orphan.id));
      t.ok(engine.containers.has(stranger.id), "another node's container stays");
      engine.containers.delete(stranger.id);
      const id = fixture.start(1, "container:probe:latest", { payload: "p" });
      t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "p|none|?" });
      const [first] = engine.containers.values();
      t.match(first?.name ?? "", /^edgeless-[0-9a-f-]{36}$/);
      t.same(first?.request.Labels, {
        "edgeless.node_id": uuid(NODE),
        "edgeless.function_id": id.functionId,
        "edgeless.workflow_id": "00000000-0000-0000-0000-fffd00000000",
      });
      t.same(first?.request.HostConfig, {
        PortBindings: { "7101/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
        Devices: [],
        ExtraHosts: [],
      });
      await eventually("its log", () => fixture.log.some((line) => line.startsWith("function starts")));
      if (first !== undefined) engine.end(first, 3);
      const crashed = await fixture.until(id, "crashed");
      t.match(crashed.reason, /EDGELESS_FUNCTION_TRAPPED: the container ended with exit status 3/);
      await fixture.until(id, "running", 1);
      t.equal(engine.containers.size, 1, "the one that ended was removed");
      t.not([...engine.containers.values()][0]?.id, first?.id);
      await fixture.runtime.stop(id.functionId);
      t.equal(fixture.casts.at(-1), "stopped");
      t.equal(engine.containers.size, 0);
      const other = fixture.start(2, "container:probe:latest");
      await fixture.until(other, "running");
      await fixture.close();
      t.equal(engine.containers.size, 0, "closing the node removes its containers");
    });
  },
);

t.test(
  "given an image that is not there or exposes nothing, when a function needs it, then it fails with a clear reason",
  async (t) => {
    await withEngine(async (engine) => {
      engine.images.set("deaf", []);
      const fixture = await ContainerFixture.create({ engineSocket: engine.path });
      const missing = fixture.start(1, "container:nowhere:1");
      const deaf = fixture.start(2, "container:deaf");
      fixture.cast(missing, "waits");
      const failed = await fixture.until(missing, "failed", 2);
      t.match(
        failed.reason,
        /EDGELESS_CONTAINER_IMAGE: the container engine has no image nowhere:1: No such image/,
      );
      t.match((await fixture.until(deaf, "failed")).reason, /the image deaf exposes no TCP port/);
      t.same(await fixture.call(missing, "?"), { type: "err" });
      t.same(fixture.telemetry.dropCounts, { "instance-stopped": 2 });
      await fixture.runtime.stop(missing.functionId);
      t.equal(fixture.status(missing), undefined);
      t.notOk(engine.requests.some((request) => request.includes("pull") || request.includes("/create")));
      await fixture.close();
    });
  },
);

t.test(
  "given a container that cannot start or dies at once, when it is tried, then it is removed and tried again",
  async (t) => {
    await withEngine(async (engine) => {
      const fixture = await ContainerFixture.create({ engineSocket: engine.path });
      engine.misbehave = (request, response) => {
        if (request.url?.endsWith("/start") !== true) return false;
        response.writeHead(400).end('{"message":"port is already allocated"}');
        return true;
      };
      const id = fixture.start(1, "container:probe:latest");
      t.match(
        (await fixture.until(id, "crashed")).reason,
        /start of a container: .*400: port is already allocated/,
      );
      t.equal(engine.containers.size, 0, "what was created is removed");
      // The creation succeeds, but its answer is lost.
      let created = 0;
      engine.misbehave = (request, response) => {
        if (request.url?.startsWith("/containers/create") !== true || created++ > 0) return false;
        const name = new URL(request.url, "http://x").searchParams.get("name") ?? "";
        engine.plant(name, {});
        response.socket?.destroy();
        return true;
      };
      await fixture.until(id, "running", 2);
      t.equal(engine.containers.size, 1, "the one whose answer was lost is removed by its name");
      await fixture.runtime.stop(id.functionId);
      // It dies between start and inspection.
      engine.misbehave = (request) => {
        if (request.url?.endsWith("/json") === true && request.url.startsWith("/containers/"))
          for (const container of engine.containers.values()) engine.end(container, 1);
        return false;
      };
      const dying = fixture.start(2, "container:probe:latest");
      t.match(
        (await fixture.until(dying, "crashed")).reason,
        /cannot be used: the container ended with exit status 1/,
      );
      t.equal(engine.containers.size, 0);
      await fixture.close();
    });
  },
);

t.test(
  "given no engine, when functions are started, then those at URLs run and the others wait for it",
  async (t) => {
    const engine = new ScriptedEngine();
    const process = await FunctionProcess.probe();
    engine.port = process.port;
    engine.images.set("probe", ["7101/tcp"]);
    engine.plant("left-behind", { "edgeless.node_id": uuid(NODE) });
    const fixture = await ContainerFixture.create({ engineSocket: engine.path });
    try {
      await eventually("a warning", () =>
        fixture.log.some((line) => line.startsWith("container images cannot be used yet")),
      );
      const server = fixture.start(1, `grpc:${process.url}`);
      await fixture.until(server, "running");
      await fixture.runtime.stop(server.functionId);
      const id = fixture.start(2, "container:probe");
      t.match((await fixture.until(id, "crashed")).reason, /no such socket; is Docker or Podman running/);
      await engine.start();
      await fixture.until(id, "running", 1);
      t.equal(engine.containers.size, 1, "the orphan was removed before the first start");
      // The engine restarts under a running container: the function goes on.
      await engine.stop();
      t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "|none|?" });
      await engine.start();
      t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "|none|?" });
      t.equal(fixture.status(id)?.state, "running");
      t.notOk(
        fixture.log.some((line) => line.includes("will be started again") && line.includes("exit status")),
      );
    } finally {
      await fixture.close();
      await process.kill();
      await engine.close();
    }
  },
);
