import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { eventually } from "../kit/eventually.js";
import { commandBlocks } from "../kit/page-commands.js";
import { filesBelow, ROOT } from "../kit/repository.js";

t.setTimeout(460_000);

/** `npm test` is what runs this. */
const NOT_RUN = ["npm test"];

const ALONE = ["README.md", ...filesBelow("docs", ".md")];
/** Pages whose commands talk to a running system: they share one. Those about HTTP use the same ports. */
const WITH_SYSTEM = filesBelow("examples", ".md");

const prefix = mkdtempSync(join(tmpdir(), "edgeless-prefix-"));
const environment = {
  ...process.env,
  npm_config_prefix: prefix,
  PATH: `${join(prefix, "bin")}:${process.env.PATH}`,
};
t.teardown(() => rmSync(prefix, { recursive: true, force: true }));

interface Background {
  readonly child: ChildProcess;
  output: string;
}

function start(script: string, detached: boolean): Background {
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached,
  });
  const background: Background = { child, output: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      background.output += chunk.toString();
    });
  }
  return background;
}

async function run(script: string): Promise<{ status: number | null; output: string }> {
  const process = start(script, false);
  const status = await new Promise<number | null>((resolve) => process.child.on("close", resolve));
  return { status, output: process.output };
}

async function ready(background: Background, text: string): Promise<void> {
  try {
    await eventually(text, () => background.output.includes(text), 60_000);
  } catch (error) {
    throw new Error(background.output, { cause: error });
  }
}

async function end({ child }: Background): Promise<void> {
  const ended = new Promise((resolve) => child.on("close", resolve));
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGINT");
  else return;
  await ended;
}

/** Runs the commands of a page. @returns how many blocks it has */
async function follow(t: Test, page: string): Promise<number> {
  const blocks = commandBlocks(readFileSync(join(ROOT, page), "utf8"));
  if (blocks.length === 0) return 0;
  const startedMs = performance.now();
  const backgrounds: Background[] = [];
  let script = "";
  for (const block of blocks) {
    if (block.background !== undefined) {
      const background = start(`exec ${block.script}`, true);
      backgrounds.push(background);
      await ready(background, block.background);
    } else script += `echo "# ${page}:${block.line}"\n${block.script}\n`;
  }
  const kept = script.split("\n").filter((line) => !NOT_RUN.includes(line));
  const { status, output } = await run(kept.join("\n"));
  t.equal(status, 0, `${page}\n${output}`);
  for (const background of backgrounds) await end(background);
  t.comment(`${page}: ${Math.round(performance.now() - startedMs)} ms`);
  return blocks.length;
}

t.test("given the commands of every page, when run as they stand, then each succeeds", async (t) => {
  const linked = await run("npm link");
  t.equal(linked.status, 0, linked.output);
  const followed: number[] = [];
  const followAll = async (pages: readonly string[]) => {
    for (const page of pages) followed.push(await follow(t, page));
  };
  await followAll(ALONE);
  const system = start("exec edgeless box --demo", true);
  await ready(system, "Ctrl-C");
  const isHttp = (page: string) => /http/.test(page);
  const lanes = [WITH_SYSTEM.filter(isHttp)];
  const rest = WITH_SYSTEM.filter((page) => !isHttp(page));
  const middle = Math.ceil(rest.length / 2);
  lanes.push(rest.slice(0, middle), rest.slice(middle));
  await Promise.all(lanes.map(followAll));
  await end(system);
  t.ok(followed.filter((blocks) => blocks > 0).length > 3, "blocks were found");
});
