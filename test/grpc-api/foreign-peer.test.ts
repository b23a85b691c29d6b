import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import type { Uuid } from "../../core/uuid.js";
import {
  connectInvocation,
  connectWorkflow,
  domainRegistrationService,
  startServer,
} from "../../grpc-api/index.js";
import { ROOT } from "../kit/repository.js";

const A = "11111111-2222-4333-8444-555555555555" as Uuid;
const B = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" as Uuid;

/** An `UpdateDomainRequest` and its answer "reset", as another implementation writes them. */
const DOMAIN = "520164a2010175c00201900302980303";
const RESET = "1001";
/** A cast of "hi" from (B, A) to (A, B). */
const CAST =
  "0a4c0a2431313131313131312d323232322d343333332d383434342d353535353535353535353535122461616161616161612d626262622d346363632d386464642d656565656565656565656565" +
  "124c0a2461616161616161612d626262622d346363632d386464642d656565656565656565656565122431313131313131312d323232322d343333332d383434342d353535353535353535353535" +
  "22060801120268692a00321c0a100000000000000000000000000000000012080000000000000000";

const PYTHON = ["python3", "/usr/bin/python3"].find(
  (python) => spawnSync(python, ["-c", "import grpc"]).status === 0,
);
const skip = PYTHON === undefined ? "Python with grpcio is not installed" : false;

t.test(
  "given a peer made with grpcio, when each calls the other, then the bytes agree",
  { skip },
  async (t) => {
    const updates: unknown[] = [];
    const server = await startServer("http://127.0.0.1:0", [
      domainRegistrationService({
        async updateDomain(update) {
          updates.push(update);
          return { ok: true, value: { reset: true } };
        },
      }),
    ]);
    const script = join(ROOT, "test/grpc-api/foreign-peer.py");
    const method = "/edgeless_api.DomainRegistration/UpdateDomain";
    const peer = spawn(PYTHON ?? "", [script, new URL(server.url).host, method, DOMAIN, ""]);
    const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
    const line = async () => String((await lines.next()).value);

    t.equal(await line(), RESET);
    t.match(updates, [{ domainId: "d", orchestratorUrl: "u", refreshDeadline: 1n, counter: 2n, nonce: 3n }]);

    const url = `http://127.0.0.1:${await line()}`;
    const invocation = connectInvocation(url, { deadlineMs: 20_000 });
    await invocation.handle({
      target: { nodeId: A, functionId: B },
      source: { nodeId: B, functionId: A },
      streamId: 0n,
      data: { type: "cast", payload: "hi" },
      created: TIMESTAMP_ZERO,
      metadata: METADATA_NONE,
    });
    t.equal(await line(), `/edgeless_api.FunctionInvocation/Handle ${CAST}`);
    const workflows = connectWorkflow(url, { deadlineMs: 20_000 });
    await t.rejects(workflows.list(), { code: "EDGELESS_REJECTED", message: /empty, naïve/ });

    invocation.close();
    workflows.close();
    peer.stdin.end();
    await new Promise((resolve) => peer.once("exit", resolve));
    await server.close();
  },
);
