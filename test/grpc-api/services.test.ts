import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import t from "tap";
import type {
  Agent,
  DomainRegistrationApi,
  InvocationApi,
  NodeRegistrationApi,
  OrchestratorApi,
  WorkflowApi,
} from "../../core/api.js";
import { EdgelessError } from "../../core/errors.js";
import type { GuestFunctionApi, GuestHostApi } from "../../core/guest-api.js";
import { INSTANCE_NONE } from "../../core/instance-id.js";
import { NIL_UUID, type Uuid } from "../../core/uuid.js";
import {
  agentServices,
  connectAgent,
  connectDomainRegistration,
  connectGuestFunction,
  connectGuestHost,
  connectNodeRegistration,
  connectOrchestrator,
  connectWorkflow,
  domainRegistrationService,
  guestFunctionService,
  guestHostService,
  invocationService,
  nodeRegistrationService,
  orchestratorServices,
  type Service,
  startServer,
  workflowService,
} from "../../grpc-api/index.js";
import * as arbitrary from "./arbitraries.js";
import { DIRECTIONS } from "./every-method.js";
import { RawPeer } from "./raw-peer.js";

const A = "11111111-2222-4333-8444-555555555555" as Uuid;
const OPTIONS = { deadlineMs: 10_000 };

/** The first value that the generator gives for a seed. */
function example<T>(values: fc.Arbitrary<T>, seed = 42): T {
  const [value] = fc.sample(values, { numRuns: 1, seed });
  return value as T;
}

/** Notes what its methods were given and answers from a list, or throws. */
class Script {
  readonly seen: unknown[] = [];
  failure: Error | undefined;

  async answer<T>(request: unknown, value: T): Promise<T> {
    this.seen.push(request);
    if (this.failure !== undefined) throw this.failure;
    return value;
  }
}

const EXAMPLES = {
  spawn: example(arbitrary.spawnFunction),
  resource: example(arbitrary.resource),
  nodeUpdate: example(arbitrary.nodeUpdate),
  domainUpdate: example(arbitrary.domainUpdate),
  workflow: example(arbitrary.workflow),
  instance: example(arbitrary.workflowInstance),
  info: example(arbitrary.workflowInfo),
  domains: example(arbitrary.domains),
  event: example(arbitrary.event),
  input: example(arbitrary.input),
  output: example(arbitrary.output),
  rawOutput: example(arbitrary.rawOutput),
  delayed: example(arbitrary.delayedOutput),
  log: example(arbitrary.guestLog),
  state: example(arbitrary.guestState),
};
const PHYSICAL = { nodeId: NIL_UUID, functionId: A };

function scriptedAgent(script: Script): Agent {
  return {
    startFunction: (request) => script.answer(request, { ok: true, value: PHYSICAL }),
    stopFunction: (id) => script.answer(id, undefined),
    patchFunction: (patch) => script.answer(patch, undefined),
    startResource: (request) => script.answer(request, { ok: false, error: { summary: "no" } }),
    stopResource: (id) => script.answer(id, undefined),
    patchResource: (patch) => script.answer(patch, undefined),
    updatePeers: (update) => script.answer(update, undefined),
    reset: () => script.answer("reset", undefined),
  };
}

function scriptedOrchestrator(script: Script): OrchestratorApi {
  return {
    startFunction: (request) => script.answer(request, { ok: true, value: A }),
    stopFunction: (id) => script.answer(id, undefined),
    patchFunction: (patch) => script.answer(patch, undefined),
    startResource: (request) => script.answer(request, { ok: true, value: A }),
    stopResource: (id) => script.answer(id, undefined),
    patchResource: (patch) => script.answer(patch, undefined),
  };
}

function scriptedController(script: Script): WorkflowApi & DomainRegistrationApi & NodeRegistrationApi {
  return {
    start: (workflow) => script.answer(workflow, { ok: true, value: EXAMPLES.instance }),
    stop: (id) => script.answer(id, undefined),
    list: () => script.answer("list", [A, NIL_UUID]),
    inspect: (id) => script.answer(id, EXAMPLES.info),
    domains: (id) => script.answer(id, EXAMPLES.domains),
    migrate: (migration) => script.answer(migration, { ok: false, error: { summary: "s", detail: "d" } }),
    updateDomain: (update) => script.answer(update, { ok: true, value: { reset: true } }),
    updateNode: (update) => script.answer(update, { ok: true, value: undefined }),
  };
}

function scriptedInvocation(script: Script): InvocationApi {
  return {
    handle(event) {
      script.seen.push(event);
      if (script.failure !== undefined) throw script.failure;
    },
  };
}

function scriptedGuestFunction(script: Script): GuestFunctionApi {
  return {
    boot: (boot) => script.answer(boot, undefined),
    init: (init) => script.answer(init, undefined),
    cast: (input) => script.answer(input, undefined),
    call: (input) => script.answer(input, { type: "reply", payload: "pong" }),
    stop: () => script.answer("stop", undefined),
  };
}

function scriptedGuestHost(script: Script): GuestHostApi {
  return {
    cast: (output) => script.answer(output, undefined),
    castRaw: (output) => script.answer(output, undefined),
    call: (output) => script.answer(output, { type: "no-reply" }),
    callRaw: (output) => script.answer(output, { type: "err" }),
    telemetryLog: (log) => script.answer(log, undefined),
    slf: () => script.answer("slf", INSTANCE_NONE),
    delayedCast: (output) => script.answer(output, undefined),
    sync: (state) => script.answer(state, undefined),
  };
}

/** Runs `body` against a server of `services` and closes it. */
async function withServer(services: readonly Service[], body: (url: string) => Promise<void>): Promise<void> {
  const server = await startServer("http://127.0.0.1:0", services);
  try {
    await body(server.url);
  } finally {
    await server.close();
  }
}

t.test("given an agent, when called over the network, then all arrives as sent", async (t) => {
  const script = new Script();
  await withServer(agentServices(scriptedAgent(script)), async (url) => {
    const agent = connectAgent(url, OPTIONS);
    const patch = { source: A, outputs: new Map([["out", PHYSICAL]]) };
    const peer = { type: "add", nodeId: A, invocationUrl: "http://127.0.0.1:1" } as const;
    t.strictSame(await agent.startFunction(EXAMPLES.spawn), { ok: true, value: PHYSICAL });
    await agent.stopFunction(PHYSICAL);
    await agent.patchFunction(patch);
    t.strictSame(await agent.startResource(EXAMPLES.resource), { ok: false, error: { summary: "no" } });
    await agent.stopResource(PHYSICAL);
    await agent.patchResource(patch);
    await agent.updatePeers(peer);
    await agent.reset();
    agent.close();
    t.strictSame(script.seen, [
      EXAMPLES.spawn,
      PHYSICAL,
      patch,
      EXAMPLES.resource,
      PHYSICAL,
      patch,
      peer,
      "reset",
    ]);
  });
});

t.test("given an orchestrator, when called over the network, then ids are logical", async (t) => {
  const script = new Script();
  await withServer(orchestratorServices(scriptedOrchestrator(script)), async (url) => {
    const orchestrator = connectOrchestrator(url, OPTIONS);
    const patch = { source: A, outputs: new Map([["out", NIL_UUID]]) };
    t.strictSame(await orchestrator.startFunction(EXAMPLES.spawn), { ok: true, value: A });
    await orchestrator.stopFunction(A);
    await orchestrator.patchFunction(patch);
    t.strictSame(await orchestrator.startResource(EXAMPLES.resource), { ok: true, value: A });
    await orchestrator.stopResource(A);
    await orchestrator.patchResource(patch);
    orchestrator.close();
    t.strictSame(script.seen, [EXAMPLES.spawn, A, patch, EXAMPLES.resource, A, patch]);
  });
});

t.test("given a controller and a node register, when called, then all arrives as sent", async (t) => {
  const script = new Script();
  const controller = scriptedController(script);
  const services = [
    workflowService(controller),
    domainRegistrationService(controller),
    nodeRegistrationService(controller),
  ];
  await withServer(services, async (url) => {
    const workflows = connectWorkflow(url, OPTIONS);
    const domains = connectDomainRegistration(url, OPTIONS);
    const nodes = connectNodeRegistration(url, OPTIONS);
    const migration = { workflowId: A, domainId: "d", component: "f" };
    t.strictSame(await workflows.start(EXAMPLES.workflow), { ok: true, value: EXAMPLES.instance });
    await workflows.stop(A);
    t.strictSame(await workflows.list(), [A, NIL_UUID]);
    t.strictSame(await workflows.inspect(A), EXAMPLES.info);
    t.strictSame(await workflows.domains(""), EXAMPLES.domains);
    t.strictSame(await workflows.migrate(migration), { ok: false, error: { summary: "s", detail: "d" } });
    t.strictSame(await domains.updateDomain(EXAMPLES.domainUpdate), { ok: true, value: { reset: true } });
    t.strictSame(await nodes.updateNode(EXAMPLES.nodeUpdate), { ok: true, value: undefined });
    for (const client of [workflows, domains, nodes]) client.close();
    t.strictSame(script.seen, [
      EXAMPLES.workflow,
      A,
      "list",
      A,
      "",
      migration,
      EXAMPLES.domainUpdate,
      EXAMPLES.nodeUpdate,
    ]);
  });
});

t.test("given a container function and its node, when they call each other, then all arrives", async (t) => {
  const script = new Script();
  const services = [
    guestFunctionService(scriptedGuestFunction(script)),
    guestHostService(scriptedGuestHost(script)),
  ];
  await withServer(services, async (url) => {
    const guest = connectGuestFunction(url, OPTIONS);
    const host = connectGuestHost(url, OPTIONS);
    const boot = { hostUrl: url, instance: PHYSICAL };
    const init = { payload: "p", state: new Uint8Array([1, 2]) };
    const { input, output, rawOutput, delayed, log, state } = EXAMPLES;
    await guest.boot(boot);
    await guest.init(init);
    await guest.cast(input);
    t.strictSame(await guest.call(input), { type: "reply", payload: "pong" });
    await guest.stop();
    await host.cast(output);
    await host.castRaw(rawOutput);
    t.strictSame(await host.call(output), { type: "no-reply" });
    t.strictSame(await host.callRaw(rawOutput), { type: "err" });
    await host.telemetryLog(log);
    t.strictSame(await host.slf(), INSTANCE_NONE);
    await host.delayedCast(delayed);
    await host.sync(state);
    guest.close();
    host.close();
    t.strictSame(script.seen, [
      boot,
      init,
      input,
      input,
      "stop",
      output,
      rawOutput,
      output,
      rawOutput,
      log,
      "slf",
      delayed,
      state,
    ]);
  });
});

/** Every service on one server, all with the same script. */
function everyService(script: Script): Service[] {
  const controller = scriptedController(script);
  return [
    ...agentServices(scriptedAgent(script)),
    workflowService(controller),
    domainRegistrationService(controller),
    nodeRegistrationService(controller),
    invocationService(scriptedInvocation(script)),
    guestFunctionService(scriptedGuestFunction(script)),
    guestHostService(scriptedGuestHost(script)),
  ];
}

/** How each method reports a request that cannot be read, and a handler that failed. */
const IN_BAND = "in band";
const { INVALID_ARGUMENT, INTERNAL } = status;
const FAULTS: Readonly<Record<string, readonly [string | number, string | number]>> = {
  "FunctionInstance/Start": [IN_BAND, IN_BAND],
  "FunctionInstance/Stop": [INVALID_ARGUMENT, INTERNAL],
  "FunctionInstance/Patch": [INVALID_ARGUMENT, INTERNAL],
  "ResourceConfiguration/Start": [IN_BAND, IN_BAND],
  "ResourceConfiguration/Stop": [INVALID_ARGUMENT, INTERNAL],
  "ResourceConfiguration/Patch": [INVALID_ARGUMENT, INTERNAL],
  "NodeManagement/UpdatePeers": [INVALID_ARGUMENT, INTERNAL],
  "NodeManagement/Reset": [INVALID_ARGUMENT, INTERNAL],
  "NodeRegistration/UpdateNode": [INVALID_ARGUMENT, INTERNAL],
  "DomainRegistration/UpdateDomain": [INVALID_ARGUMENT, INTERNAL],
  "WorkflowInstance/Start": [IN_BAND, IN_BAND],
  "WorkflowInstance/Stop": [INTERNAL, INTERNAL],
  "WorkflowInstance/List": [INTERNAL, INTERNAL],
  "WorkflowInstance/Inspect": [INTERNAL, INTERNAL],
  "WorkflowInstance/Domains": [INTERNAL, INTERNAL],
  "WorkflowInstance/Migrate": [INTERNAL, IN_BAND],
  "FunctionInvocation/Handle": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIFunction/Boot": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIFunction/Init": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIFunction/Cast": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIFunction/Call": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIFunction/Stop": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/Cast": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/CastRaw": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/Call": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/CallRaw": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/TelemetryLog": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/Slf": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/DelayedCast": [INVALID_ARGUMENT, INTERNAL],
  "GuestAPIHost/Sync": [INVALID_ARGUMENT, INTERNAL],
};

t.test(
  "given a bad request or a failing handler, when called, then the fault is reported as agreed",
  async (t) => {
    const script = new Script();
    script.failure = new Error("it broke \ud800 \u0000 ä\n");
    await withServer(everyService(script), async (url) => {
      const peer = new RawPeer(url);
      for (const [method, [onBad, onFailure]] of Object.entries(FAULTS)) {
        const path = `/edgeless_api.${method}`;
        const [request, answer] = DIRECTIONS.filter((direction) => direction.path === path);
        if (request === undefined || answer === undefined) throw new Error(path);
        const good = request.encode(example(request.values));
        script.seen.length = 0;
        for (const [bytes, expected, reason] of [
          [new Uint8Array([0xff]), onBad, /cannot be read/],
          [good, onFailure, /it broke/],
        ] as const) {
          const { code, details, bytes: answered } = await peer.call(method, bytes);
          if (expected === IN_BAND)
            t.match([code, answer.decode(answered)], [0, { ok: false, error: { detail: reason } }], path);
          else t.match([code, details], [expected, reason], path);
        }
        t.equal(script.seen.length, 1, `${path}: the bad request did not reach the handler`);
      }
      peer.close();
    });
  },
);

t.test("given missing sub-messages, when received by the services, then they name the field", async (t) => {
  const script = new Script();
  await withServer(everyService(script), async (url) => {
    const empty = new Uint8Array(0);
    const peer = new RawPeer(url);
    const outcome = (method: string) => peer.call(method, empty);
    t.match(await outcome("FunctionInvocation/Handle"), { code: INVALID_ARGUMENT, details: /Event\./ });
    t.match(await outcome("FunctionInstance/Stop"), { code: INVALID_ARGUMENT, details: /instance_id/ });
    t.match(await outcome("FunctionInstance/Patch"), { code: INVALID_ARGUMENT, details: /function_id/ });
    t.match(await outcome("NodeManagement/UpdatePeers"), {
      code: INVALID_ARGUMENT,
      details: /invocation_url/,
    });
    t.match(await outcome("NodeRegistration/UpdateNode"), { code: INVALID_ARGUMENT, details: /node_id/ });
    t.match(await outcome("WorkflowInstance/Stop"), { code: INTERNAL, details: /workflow_id/ });
    t.match(await outcome("WorkflowInstance/Migrate"), { code: INTERNAL, details: /workflow_id/ });
    t.match(await outcome("GuestAPIHost/Sync"), { code: INVALID_ARGUMENT, details: /originator/ });
    t.equal(script.seen.length, 0);
    t.match(await outcome("FunctionInstance/Nonsense"), { code: status.UNIMPLEMENTED });
    peer.close();
  });
});

t.test("given an unknown workflow, when inspected over the network, then the code survives", async (t) => {
  const script = new Script();
  await withServer([workflowService(scriptedController(script))], async (url) => {
    const workflows = connectWorkflow(url, OPTIONS);
    script.failure = new EdgelessError("EDGELESS_UNKNOWN_WORKFLOW", "no such workflow");
    await t.rejects(workflows.inspect(A), { code: "EDGELESS_UNKNOWN_WORKFLOW", message: /no such workflow/ });
    script.failure = new EdgelessError("EDGELESS_TIMEOUT", "a node was too slow");
    await t.rejects(workflows.inspect(A), { code: "EDGELESS_REJECTED", message: /a node was too slow/ });
    workflows.close();
  });
});

t.test("given random bytes for every method, when received, then the server goes on", async (t) => {
  const script = new Script();
  await withServer(everyService(script), async (url) => {
    const peer = new RawPeer(url);
    const paths = Object.keys(FAULTS);
    const calls = fc
      .sample(fc.tuple(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 80 })), 150)
      .map(([method, bytes]) => peer.call(method, bytes));
    for (const { code } of await Promise.all(calls)) {
      if (![0, INVALID_ARGUMENT, INTERNAL].includes(code)) t.fail(`status ${code}`);
    }
    peer.close();
    const agent = connectAgent(url, OPTIONS);
    await agent.reset();
    agent.close();
    t.equal(script.seen.at(-1), "reset");
  });
});
