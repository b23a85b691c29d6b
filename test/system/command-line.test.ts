import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { randomUuid } from "../../core/uuid.js";
import { systemRandom } from "../../platform/system-random.js";
import { EdgelessProcess, edgeless } from "../kit/edgeless-process.js";
import { eventually } from "../kit/eventually.js";
import { freePorts } from "../kit/free-ports.js";
import { ROOT } from "../kit/repository.js";
import { System } from "../kit/system.js";

t.setTimeout(240_000);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

t.test(
  "given a running system, when each client command is used, then its output is that of the reference",
  async (t) => {
    const system = await System.start({ domains: 2, nodesPerDomain: 1 });
    t.teardown(() => system.close());
    const { folder } = system;
    copyFileSync(join(ROOT, "dist/functions/counter/counter.wasm"), join(folder, "counter.wasm"));
    const spec = {
      functions: [
        {
          name: "source",
          class_specification: {
            id: "counter",
            function_type: "RUST_WASM",
            version: "0.2",
            code: "counter.wasm",
            outputs: ["output"],
          },
          output_mapping: { output: "log" },
          annotations: { "init-payload": "41" },
        },
      ],
      resources: [
        { name: "log", class_type: "file-log", output_mapping: {}, configurations: { filename: "out.txt" } },
      ],
      annotations: {},
    };
    writeFileSync(join(folder, "workflow.json"), JSON.stringify(spec, null, 2));
    writeFileSync(join(folder, "cli.toml"), `controller_url = "${system.controllerUrl}"\n`);
    const run = async (...args: string[]) => {
      const { status, stdout, stderr } = await edgeless(args, folder);
      return { status, out: stdout.trimEnd(), err: stderr };
    };

    const [list, inspect, nowhere, none] = await Promise.all([
      run("domain", "list"),
      run("domain", "inspect", "domain-0"),
      run("domain", "inspect", "nowhere"),
      run("workflow", "list"),
    ]);
    t.match(list, {
      status: 0,
      out: /^domain domain-\d \(1 nodes\)\ndomain domain-\d \(1 nodes\)$/,
    });
    t.match(inspect, {
      status: 0,
      out: /^domain domain-0,1 nodes, \d+ CPUs \(\d+ cores\) with \d+ MiB, labels \[.*node=0.*\], num TEE 0, num TPM 0, runtimes \[RUST_WASM\], resources classes \[file-log\] providers \[file-log-0\], disk space \d+ MiB, \d+ GPUs with \d+ MiB$/,
    });
    t.match(nowhere, {
      status: 1,
      out: "",
      err: /domain nowhere not found \[EDGELESS_UNKNOWN_DOMAIN\]\nHelp: /,
    });
    t.match(none, { status: 0, out: /^$/ });

    const started = await run("workflow", "start", "--wait", "workflow.json");
    t.equal(started.status, 0, started.err);
    t.match(started.out, UUID, "the bare id");
    const id = started.out;
    const [listed, inspected, all, status, json] = await Promise.all([
      run("workflow", "list"),
      run("workflow", "inspect", id),
      run("workflow", "inspect", "all"),
      run("workflow", "status", id),
      run("workflow", "status", id, "--json"),
    ]);
    t.match(listed, { status: 0, out: id });
    t.match(
      inspected.out,
      /^\* function source\nrun-time RUST_WASM class counter version 0\.2 code Some\("counter\.wasm"\)\nOUT output -> log\nF_ANN init-payload -> 41\n\* resource log\nfile-log\nCONF filename -> out\.txt\n\* mapping\nMAP \w+ -> domain-\d \[logical ID [-0-9a-f]+\]\nMAP /,
    );
    t.match(all, {
      status: 0,
      out: new RegExp(`^\\*\\* workflow ${id}\n\\* function source`),
    });
    t.match(status, {
      status: 0,
      out: /^source {2}running {2}domain-\d {2}[-0-9a-f]{36}\nlog {5}running {2}domain-\d {2}[-0-9a-f]{36}$/,
    });
    const asJson = JSON.parse(json.out) as {
      workflowId: string;
      components: unknown[];
    };
    t.equal(asJson.workflowId, id);
    t.equal(asJson.components.length, 2);
    await eventually("counted events", () => system.lines("out.txt").length > 0);
    t.ok(Number(system.lines("out.txt")[0]) >= 42);

    const from = /MAP source -> (domain-\d)/.exec(inspected.out)?.[1];
    const to = from === "domain-0" ? "domain-1" : "domain-0";
    t.match(await run("workflow", "migrate", id, to), {
      status: 0,
      out: `migration of ${id} to ${to} successful`,
    });
    t.match(await run("workflow", "migrate", id, "nowhere"), {
      status: 1,
      out: "",
      err: new RegExp(`migration of ${id} to nowhere failed: `),
    });
    t.match(await run("workflow", "stop", "all"), { status: 0, out: `Workflow ${id} stopped` });

    const refused = {
      ...spec,
      resources: [
        { ...spec.resources[0], configurations: { filename: "x", label_match_all: "no-such-label" } },
      ],
    };
    writeFileSync(join(folder, "refused.json"), JSON.stringify(refused));
    const unknown = randomUuid(systemRandom);
    const [stopped, nonsense, refusal, missing] = await Promise.all([
      run("workflow", "stop", unknown),
      run("workflow", "stop", "nonsense"),
      run("workflow", "start", "refused.json"),
      run("workflow", "start", "missing.json", "--json"),
    ]);
    t.match(stopped, { status: 1, err: new RegExp(`unknown or invalid workflow ${unknown}`) });
    t.match(nonsense, { status: 1, err: /EDGELESS_BAD_UUID/ });
    t.match(refusal, { status: 1, out: "", err: /log.*lacks the label no-such-label/s });
    t.match(missing, { status: 1, err: /^\{"error":\{"code":"EDGELESS_FILE_UNREADABLE"/ });
  },
);

t.test(
  "given no system, when a client command is used, then it fails soon and says who is not there",
  async (t) => {
    const [port] = await freePorts(1);
    const folder = t.testdir({});
    const result = await edgeless(
      ["workflow", "list", "--controller-url", `http://127.0.0.1:${port}`],
      folder,
    );
    t.equal(result.status, 1);
    t.match(
      result.stderr,
      new RegExp(`the controller at http://127.0.0.1:${port} cannot be reached \\[EDGELESS_UNREACHABLE\\]`),
    );
  },
);

t.test(
  "given templates, when written, then they are complete, run as they are and are never overwritten",
  async (t) => {
    const folder = t.testdir({});
    const templates = [
      ["con", "-t", "controller.toml"],
      ["orc", "-t", "orchestrator.toml"],
      ["node", "-t", "node.toml"],
      ["-t", "cli.toml"],
    ];
    const writeAll = () => Promise.all(templates.map((args) => edgeless(args, folder)));
    for (const written of await writeAll()) t.match(written, { status: 0 });
    for (const refused of await writeAll()) t.match(refused, { status: 1, stderr: /EDGELESS_FILE_EXISTS/ });
    t.match(readFileSync(join(folder, "cli.toml"), "utf8"), /controller_url = "http:\/\/127\.0\.0\.1:7001"/);
    mkdirSync(join(folder, "box"));
    t.match(
      await edgeless(["box", "-t", "-n", "3", "--initial-port", "7000", "--config-path", "box"], folder),
      { status: 0 },
    );
    const node2 = readFileSync(join(folder, "box/node2.toml"), "utf8");
    t.match(node2, /agent_url = "http:\/\/127\.0\.0\.1:7012"/, "ports in order, past 7001 and 7002");
    t.match(node2, /http_ingress_url = "http:\/\/127\.0\.0\.1:7015"/);
    t.match(readFileSync(join(folder, "box/orchestrator.toml"), "utf8"), /domain_id = "domain-7000"/);
  },
);

t.test(
  "given bad input, when a component starts, then it says what is wrong and where, and exits with 1",
  async (t) => {
    const folder = t.testdir({
      "bad.toml": "[general\n",
      "wrong.toml":
        'controller_url = 7\ndomain_register_url = "http://127.0.0.1:0"\npersistence_filename = ""\n',
    });
    const [missing, bad, wrong, unknown, shell] = await Promise.all([
      edgeless(["con", "-c", "missing.toml"], folder),
      edgeless(["orc", "-c", "bad.toml"], folder),
      edgeless(["con", "-c", "wrong.toml"], folder),
      edgeless(["workflow", "strat"], folder),
      edgeless(["completion", "tcsh"], folder),
    ]);
    t.match(missing, {
      status: 1,
      stderr: /no configuration file missing\.toml \[EDGELESS_CONFIG_MISSING\]/,
    });
    t.match(bad, {
      status: 1,
      stderr: /bad\.toml:1:\d+: .*\[EDGELESS_BAD_CONFIG\]/,
    });
    t.match(wrong, {
      status: 1,
      stderr: /wrong\.toml: .*controller_url/,
    });
    t.match(unknown, { status: 2, stderr: /unknown command 'strat'/ });
    t.match(shell, { status: 2, stderr: /EDGELESS_USAGE/ });

    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    writeFileSync(
      join(folder, "taken.toml"),
      `controller_url = "http://127.0.0.1:${port}"\ndomain_register_url = "http://127.0.0.1:0"\npersistence_filename = "state"\n`,
    );
    t.match(await edgeless(["con", "-c", "taken.toml"], folder), {
      status: 1,
      stderr: new RegExp(`${port}.*\\[EDGELESS_PORT_IN_USE\\]`, "s"),
    });
    await new Promise((resolve) => taken.close(resolve));
    const controller = new EdgelessProcess(["con", "-c", "taken.toml"], folder);
    await controller.says(/controller \(ε-CON\): clients at/);
    t.match(await controller.stop(), { status: 0 }, "SIGTERM is a clean end");
    t.ok(existsSync(join(folder, "state")));
  },
);

t.test(
  "given the list of resources, when asked for, then each class tells its keys, as text and as JSON",
  async (t) => {
    const folder = t.testdir({});
    const list = ["node", "--available-resources"];
    const [text, asJson] = await Promise.all([
      edgeless(list, folder),
      edgeless([...list, "--output-json"], folder),
    ]);
    t.match(
      text.stdout,
      /----------\nclass_type: file-log\nversion: 1\.1\noutputs: \[\]\nconfigurations:\n {2}- /,
    );
    const json = JSON.parse(asJson.stdout) as { class_type: string }[];
    for (const name of ["file-log", "http-ingress", "http-egress", "http-poster"])
      t.ok(
        json.some(({ class_type }) => class_type === name),
        name,
      );
  },
);
