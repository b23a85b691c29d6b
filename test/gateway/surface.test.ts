import { parse } from "smol-toml";
import t from "tap";
import { CHANGED, CONTENT, DELETE, formatCode, GET, POST, PUT } from "../../coap-api/coap/codes.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { CALL, CAST, encodeUplinkEvent, NONE, REPLY } from "../../coap-api/operations/event.js";
import { encodeRegistration } from "../../coap-api/operations/register.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { ERRORS } from "../../core/errors.js";
import { agentTemplate } from "../../gateway/agent-template.js";
import { parseGatewayConfig } from "../../gateway/config.js";
import { gatewayTemplate } from "../../gateway/config-template.js";
import { AgentConnections, agentServices, connectAgent, createPortServer } from "../../grpc-api/index.js";
import { eventually } from "../kit/eventually.js";
import { cast, uuid } from "../node/kit/events.js";
import { ForeignClient, REGISTRATION } from "./kit/foreign-client.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

t.test(
  "given a gateway that ends, when a device registers meanwhile, then it is told to come back later, and is no node",
  async (t) => {
    const rig = await rigFor(t);
    const register = (client: ForeignClient, number: number) =>
      client.ask(POST, "rd", encodeRegistration(REGISTRATION), `ep=${uuid(number)}&lt=60`);
    const first = new ForeignClient(rig, "10.0.9.1");
    t.equal(formatCode((await register(first, 1)).code), "2.01");
    await eventually("a node", () => rig.orchestrator.latest(uuid(1)) !== undefined);
    let goOn = () => {};
    rig.orchestrator.pause = new Promise((resolve) => {
      goOn = resolve;
    });
    const ended = rig.gateway.close();
    await eventually("it says farewell", () => rig.orchestrator.latest(uuid(1))?.refreshDeadline === 0n);
    for (const client of [first, new ForeignClient(rig, "10.0.9.2")]) {
      const { code, payload, maxAge } = await register(client, 2);
      t.equal(formatCode(code), "5.03");
      t.match(decodeDiagnostic(payload), {
        error: ERRORS.EDGELESS_REJECTED.number,
        reason: "the gateway is about to end",
      });
      t.ok(maxAge >= 1);
    }
    t.equal(formatCode((await register(first, 1)).code), "5.03", "nor does one stay that was there");
    goOn();
    await ended;
    t.equal(rig.orchestrator.latest(uuid(2)), undefined);
  },
);

t.test(
  "given any client, when it asks what a gateway does not do, then it gets the right code and it is counted",
  async (t) => {
    const rig = await rigFor(t);
    const client = new ForeignClient(rig, "10.0.9.9");
    const links = await client.ask(GET, ".well-known/core");
    t.equal(links.code, CONTENT);
    t.match(Buffer.from(links.payload).toString(), /<\/rd>;rt="core.rd"/);
    t.equal(await client.code(GET, "nothing"), "4.04");
    t.equal(await client.code(GET, "e"), "4.05");
    t.equal(await client.code(PUT, "rd"), "4.05");
    t.equal(await client.code(POST, "e", Uint8Array.of(0x82, 0, 0x41, 0x31)), "4.03", "not registered");
    t.equal(await client.code(POST, "rd/1"), "4.04");
    const register = (query: string, payload: Uint8Array) => client.ask(POST, "rd", payload, query);
    t.equal(formatCode((await register("ep=x&lt=60", encodeRegistration(REGISTRATION))).code), "4.00");
    const garbage = await register(`ep=${uuid(1)}&lt=60`, Uint8Array.of(0xff, 1, 2));
    t.equal(formatCode(garbage.code), "4.00");
    t.equal(decodeDiagnostic(garbage.payload).error, ERRORS.EDGELESS_BAD_MESSAGE.number);
    const edition = await register(
      `ep=${uuid(1)}&lt=60`,
      encodeRegistration({ ...REGISTRATION, edition: 2 }),
    );
    t.match(decodeDiagnostic(edition.payload).reason, "edition 2 is not spoken here");
    const lifetime = await register(`ep=${uuid(1)}&lt=99999999`, encodeRegistration(REGISTRATION));
    t.match(decodeDiagnostic(lifetime.payload).reason, "allowed are 1 to 604800 s");
    const plain = await register(
      `ep=${uuid(1)}&lt=60`,
      encodeRegistration({ ...REGISTRATION, runtimes: [] }),
    );
    t.equal(formatCode(plain.code), "2.01", "a board without functions");
    t.equal(await client.code(DELETE, plain.locationPath), "2.02");
    await eventually("left", () => rig.gateway.registry.present === 0);
    const page = await (await fetch(`${rig.gateway.metricsUrl}/metrics`)).text();
    t.match(page, /edgeless_gateway_requests_refused_total\{request="rd",reason="malformed"\} 1/);
    t.match(page, /edgeless_gateway_events_dropped_total\{reason="unregistered"\} 1/);
    t.match(page, /edgeless_gateway_devices\{state="present"\} 0/);
    t.match(page, /edgeless_gateway_coap_messages_total\{what="evicted_peers"\} 0/);
    t.same(metricsFaults(page), []);
  },
);

t.test(
  "given a device that speaks nonsense, when its events are refused, then each refusal is counted by reason",
  async (t) => {
    const rig = await rigFor(t);
    const client = new ForeignClient(rig, "10.0.9.1");
    client.endpoint.onRequest((_request, reply) => reply(CHANGED, new Uint8Array(0)));
    const registered = await client.ask(POST, "rd", encodeRegistration(REGISTRATION), `ep=${uuid(1)}&lt=60`);
    t.equal(registered.locationPath, "rd/1");
    const event = (parts: object) =>
      encodeUplinkEvent({
        kind: CAST,
        route: NONE,
        peer: NONE,
        handle: NONE,
        stream: NONE,
        payload: utf8Bytes("x"),
        ...parts,
      });
    t.equal(await client.code(POST, "e", event({ route: 9 })), "4.04");
    t.equal(await client.code(POST, "e", event({ peer: 3, handle: 1 })), "4.04");
    t.equal(await client.code(POST, "e", event({ kind: CALL, route: 2, stream: 1 })), "4.04");
    t.equal(
      await client.code(POST, "e", event({ kind: REPLY, stream: 77 })),
      "2.04",
      "nobody waits any more",
    );
    t.equal(await client.code(POST, "e", Uint8Array.of(0x82, 0)), "4.00");
    t.equal(
      await client.code(POST, "e", event({ kind: REPLY, stream: 77, payload: Uint8Array.of(0xff) })),
      "4.00",
    );
    t.equal(await client.code(POST, "y", Uint8Array.of(0x82, 1, 0x41, 1)), "4.04");
    t.equal(await client.code(POST, "l", Uint8Array.of(0x80)), "2.04");
    t.equal(await client.code(POST, "rd/1"), "2.04");
    t.equal(await client.code(POST, "rd/2"), "4.04");
    t.same(Object.fromEntries(rig.gateway.metrics.drops), {
      "unknown-route": 2,
      "unknown-reference": 1,
      "late-answer": 1,
      "not-utf-8": 1,
      malformed: 1,
    });
  },
);

t.test(
  "given an overloaded device, when another sends to it, then nothing is lost but patience",
  async (t) => {
    const rig = await rigFor(t, {
      configure: (config) => ({
        ...config,
        devices: { ...config.devices, queue_events: 2, queue_age_ms: 60_000 },
      }),
    });
    rig.device(1);
    rig.device(2, { settings: { mailboxCapacity: 1 } });
    const one = await rig.admit(1);
    const two = await rig.admit(2);
    const slow = await run(rig, two, "incr", { result: sink(1) });
    const fast = await run(rig, one, "incr", { result: slow });
    rig.network.setConditions({ delayMs: 40 }, "10.0.1.2");
    const invocation = invocationOf(t, rig);
    for (let i = 0; i < 12; i++) {
      await eventually("room", () => (rig.gateway.registry.find(uuid(1))?.events.queueLength ?? 9) < 2);
      await invocation.handle(cast(SOURCE, fast, `${i}`));
    }
    await eventually("all", () => rig.received.length === 12);
    t.same(
      rig.payloads().map(Number),
      Array.from({ length: 12 }, (_, i) => i + 2),
    );
    t.same([...rig.gateway.metrics.drops], []);
    const page = await (await fetch(`${rig.gateway.metricsUrl}/metrics`)).text();
    t.match(page, /edgeless_gateway_requests_refused_total\{request="e",reason="overload"\} [0-9]+/);
  },
);

t.test(
  "given the control API, when devices are listed, inspected, renamed, followed and forgotten, then they are",
  async (t) => {
    const rig = await rigFor(t);
    rig.device(1);
    const agent = await rig.admit(1);
    const double = await run(rig, agent, "double", { result: sink(1) });
    const { controlUrl } = rig.gateway;
    const get = async (path: string) => (await fetch(`${controlUrl}${path}`)).json();
    t.match(await get("/devices"), {
      devices: [{ id: uuid(1), name: "board-1", present: true, board: "emulated-esp32-wasm" }],
    });
    t.match(await get(`/devices/${uuid(1)}`), {
      name: "board-1",
      runtimes: ["wasm"],
      components: [{ id: double.functionId, kind: "function", name: "double", state: "running", handle: 1 }],
    });
    const abort = new AbortController();
    const logs = await fetch(`${controlUrl}/devices/board-1/logs?follow=1`, { signal: abort.signal });
    let text = "";
    const reading = (async () => {
      for await (const part of logs.body ?? []) text += Buffer.from(part).toString();
    })().catch(() => undefined);
    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, double, "33"));
    await eventually("log line", () => text.includes('"message":"33"'));
    abort.abort();
    await reading;
    const put = (name: unknown) =>
      fetch(`${controlUrl}/devices/board-1/name`, { method: "PUT", body: JSON.stringify({ name }) });
    t.equal((await put("not a name!")).status, 400);
    t.equal((await put("kitchen")).status, 200);
    await eventually("relabelled", () =>
      rig.orchestrator.latest(uuid(1))?.capabilities.labels.includes("device=kitchen"),
    );
    t.match(await get("/devices/kitchen"), { id: uuid(1) });
    t.equal((await fetch(`${controlUrl}/devices/nobody`)).status, 404);
    t.equal((await fetch(`${controlUrl}/devices`, { method: "POST" })).status, 405);
    t.equal((await fetch(`${controlUrl}/else`)).status, 404);
    t.equal((await fetch(`${controlUrl}/devices/kitchen`, { method: "DELETE" })).status, 200);
    t.equal(rig.orchestrator.latest(uuid(1))?.refreshDeadline, 0n);
  },
);

t.test("given one server on many ports, when agents are called, then each port has its own", async (t) => {
  const server = await createPortServer("127.0.0.1", agentTemplate());
  t.teardown(() => server.closeAll());
  const resets: string[] = [];
  const open = async (name: string) => {
    const [nobody] = [async (): Promise<never> => Promise.reject(new Error("not here"))];
    const agent = {
      ...{ startFunction: nobody, stopFunction: nobody, patchFunction: nobody, startResource: nobody },
      ...{ stopResource: nobody, patchResource: nobody, updatePeers: nobody },
      reset: async () => void resets.push(name),
    };
    const port = await server.open(0, agentServices(agent));
    const client = connectAgent(`http://127.0.0.1:${port}`, { deadlineMs: 5_000 });
    t.teardown(() => client.close());
    return { port, client };
  };
  const one = await open("one");
  const two = await open("two");
  await one.client.reset();
  await two.client.reset();
  await one.client.reset();
  t.same(resets, ["one", "two", "one"]);

  const shared = `http://127.0.0.1:${await server.open(0, [])}`;
  const connections = new AgentConnections({ deadlineMs: 5_000 });
  const [first, second] = [one, two].map(({ port }) =>
    connections.connect(`http://127.0.0.1:${port}`, shared),
  );
  const nobody = connections.connect("http://127.0.0.1:1", shared);
  t.teardown(() => {
    for (const agent of [first, second, nobody]) agent?.close();
  });
  await second?.reset();
  await first?.reset();
  t.same(resets.splice(0), ["one", "two", "one", "two", "one"], "one connection leads to both");
  await t.rejects(nobody.reset(), { code: "EDGELESS_UNREACHABLE" });
  first?.close();
  first?.close();
  await second?.reset();
  t.same(resets, ["two"], "it is there as long as somebody uses it");
  await t.rejects(server.open(one.port, []), { code: "EDGELESS_PORT_IN_USE" });
  server.close(one.port);
  await t.rejects(one.client.reset(), { code: "EDGELESS_UNREACHABLE" });
  await two.client.reset();
  t.equal(await server.open(one.port, agentTemplate()), one.port, "it is free again");
});

t.test(
  "given the template, when it is read, then it is a configuration; what is wrong is named",
  async (t) => {
    const raw = parse(gatewayTemplate());
    const config = parseGatewayConfig(raw);
    t.match(config.general, { coap_url: "coap://0.0.0.0:5683", first_agent_port: 0 });
    const without = (key: string) => {
      const general: Record<string, unknown> = { ...(raw.general as object) };
      delete general[key];
      return { ...raw, general };
    };
    t.throws(() => parseGatewayConfig(without("coap_url")), { message: /key general.coap_url: is missing/ });
    const general = raw.general as object;
    t.throws(
      () => parseGatewayConfig({ ...raw, general: { ...general, coap_url: "http://a:1" } }),
      /must start with coap/,
    );
    t.throws(() => parseGatewayConfig({ ...raw, general: { ...general, first_agent_port: 60_000 } }), {
      code: "EDGELESS_BAD_CONFIG",
      message: /the last is 65535/,
    });
  },
);

/** What a linter of OpenMetrics would say of a page. */
function metricsFaults(page: string): string[] {
  const faults: string[] = [];
  const types = new Map<string, string>();
  const helped = new Set<string>();
  for (const line of page.split("\n")) {
    const [, keyword, family = "", rest = ""] = /^# (TYPE|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "TYPE") types.set(family, rest);
    if (keyword === "HELP" && /^[A-Z].*\.$/.test(rest)) helped.add(family);
    const [, name = "", labels = ""] = /^([a-z_]+)(\{.*\})? [0-9.e+]+$/.exec(line) ?? [];
    if (name === "" && line !== "" && !line.startsWith("# ")) faults.push(`no sample: ${line}`);
    if (name === "") continue;
    const counter = types.get(name.replace(/_total$/, ""));
    if (name.endsWith("_total") ? counter !== "counter" : types.get(name) !== "gauge")
      faults.push(`type: ${line}`);
    if (!/^(\{([a-z_]+="[^"A-Z]*",?)+\})?$/.test(labels)) faults.push(`labels: ${line}`);
  }
  for (const family of types.keys()) if (!helped.has(family)) faults.push(`no help: ${family}`);
  if (!page.endsWith("# EOF\n")) faults.push("no end");
  return faults;
}
