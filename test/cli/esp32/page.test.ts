import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import t from "tap";
import { readWorkflow } from "../../../cli/files/workflow-file.js";
import { createProgram } from "../../../cli/program.js";
import { BOARD_PROFILES } from "../../../esp32/board-profile.js";
import { boardCommandBlocks } from "../../kit/page-commands.js";
import { ROOT } from "../../kit/repository.js";

const page = readFileSync(join(ROOT, "docs/esp32.md"), "utf8");

/** What is wrong with a command as the page has it; undefined when it would run. */
function faultOf(words: readonly string[]): string | undefined {
  let command: Command = createProgram();
  let rest = [...words];
  for (;;) {
    const inner = command.commands.find((candidate) => candidate.name() === rest[0]);
    if (inner === undefined) break;
    command = inner;
    rest = rest.slice(1);
  }
  if (command.commands.length > 0) return `no command ${rest[0]}`;
  const { operands, unknown } = command.parseOptions(rest);
  if (operands.length + unknown.length > 0) return `unknown: ${[...operands, ...unknown].join(" ")}`;
  const missing = command.options.filter(
    (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
  );
  return missing.length === 0 ? undefined : `missing: ${missing.map(({ long }) => long).join(" ")}`;
}

t.test(
  "given the commands for boards on the page, when read, then the command line knows them",
  async (t) => {
    const lines = boardCommandBlocks(page).flatMap(({ script }) => script.split("\n"));
    t.ok(lines.length >= 12);
    const called = new Set<string>();
    for (const line of lines) {
      const [program, ...words] = line.split(" ");
      t.equal(program, "edgeless", line);
      t.equal(faultOf(words), undefined, line);
      called.add(words[1] ?? "");
    }
    const group = createProgram().commands.find((command) => command.name() === "esp32");
    t.same([...called].sort(), group?.commands.map((command) => command.name()).sort(), "none is left out");
    t.match(faultOf(["esp32", "info", "--what"]), /--what/, "an unknown option is noticed");
    t.match(faultOf(["esp32", "flash"]), /--firmware/, "a missing option is noticed");
  },
);

t.test("given the options in the text of the page, when looked up, then a command has them", async (t) => {
  const known = new Set(
    createProgram()
      .commands.flatMap((command) => [command, ...command.commands])
      .flatMap((command) => [command, ...command.commands])
      .flatMap((command) => command.options.map(({ long }) => long)),
  );
  for (const [option] of page.matchAll(/--[a-z][a-z0-9-]+/g)) t.ok(known.has(option), option);
});

t.test("given the page's workflow and table, when read, then they are sound", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-page-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const text = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  writeFileSync(join(folder, "button.json"), text);
  t.equal(readWorkflow(join(folder, "button.json")).resources.length, 2);
  for (const name of Object.keys(BOARD_PROFILES)) t.ok(page.includes(`\`${name}\``), name);
});
