import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { NodeUpdate } from "../../core/api.js";
import type { Event } from "../../core/event.js";
import {
  AgentConnections,
  connectAgent,
  connectInvocation,
  invocationService,
  nodeRegistrationService,
  startServer,
} from "../../grpc-api/index.js";
import { makeAuthority } from "../kit/authorities.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { cast, uuid } from "../node/kit/events.js";
import { PEER, spawn } from "./kit/gateway-rig.js";
import { rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(60_000);

const folder = t.testdir();
const HOST = "edge.example";
const skip = makeAuthority(folder, "good", HOST) ? false : "openssl is not installed";

t.test(
  "given certificates, when a gateway uses them, then agents, events and reports are encrypted",
  { skip },
  async (t) => {
    const read = (name: string) => readFileSync(join(folder, name), "utf8");
    const server = { certificate: read("good.pem"), key: read("good.key") };
    const client = { serverCa: read("good-ca.pem"), serverName: HOST };
    const updates: NodeUpdate[] = [];
    const updateNode = async (update: NodeUpdate) => {
      updates.push(update);
      return { ok: true, value: undefined } as const;
    };
    const register = await startServer("https://127.0.0.1:0", [nodeRegistrationService({ updateNode })], {
      tls: server,
    });
    t.teardown(() => register.close());
    const received: Event[] = [];
    const handle = (event: Event) => void received.push(event);
    const peer = await startServer("https://127.0.0.1:0", [invocationService({ handle })], { tls: server });
    t.teardown(() => peer.close());
    const rig = await rigFor(t, {
      nodeRegisterUrl: register.url,
      tls: { server, client },
      configure: (config) => ({
        ...config,
        general: { ...config.general, invocation_url: "https://127.0.0.1:0" },
      }),
    });
    rig.device(1);
    rig.device(2);
    const byNumber = (number: number) =>
      eventually(`node ${number}`, () => updates.find(({ nodeId }) => nodeId === uuid(number)));
    const [one, two] = [await byNumber(1), await byNumber(2)];
    t.match(one.agentUrl, /^https:/);
    t.match(one.invocationUrl, /^https:/);
    t.not(one.agentUrl, two.agentUrl);
    t.equal(one.gateway?.agentUrl, two.gateway?.agentUrl);
    const connections = new AgentConnections({ deadlineMs: 5_000, tls: client });
    const agents = [
      connectAgent(one.agentUrl, { deadlineMs: 5_000, tls: client }),
      connections.connect(two.agentUrl, two.gateway?.agentUrl),
    ];
    t.teardown(() => {
      for (const agent of agents) agent.close();
    });
    for (const [index, agent] of agents.entries()) {
      await agent.updatePeers({ type: "add", nodeId: PEER, invocationUrl: peer.url });
      const started = await agent.startFunction(spawn("incr", shippedModule("incr")));
      if (!started.ok) throw new Error(started.error.detail);
      t.equal(
        started.value.nodeId,
        uuid(index + 1),
        "each agent URL has its own device, over a shared connection too",
      );
      await agent.patchFunction({
        source: started.value.functionId,
        outputs: new Map([["result", sink(index)]]),
      });
      const invocation = connectInvocation(one.invocationUrl, { deadlineMs: 5_000, tls: client });
      t.teardown(() => invocation.close());
      await invocation.handle(cast(SOURCE, started.value, `${index}`));
      await eventually("event", () => received.length === index + 1);
    }
    const plain = connectAgent(one.agentUrl.replace("https", "http"), { deadlineMs: 2_000 });
    t.teardown(() => plain.close());
    await t.rejects(plain.reset(), { code: "EDGELESS_UNREACHABLE" });
  },
);

t.test("given peers that have to prove themselves, when a device does, then it works as ever", async (t) => {
  const rig = await rigFor(t, {
    configure: (config) => ({ ...config, coap: { ...config.coap, verify_peers: true } }),
  });
  rig.device(1);
  const agent = await rig.admit(1);
  await run(rig, agent, "incr", { result: sink(1) });
  t.equal(rig.gateway.registry.present, 1);
});
