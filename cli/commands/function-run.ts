import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { aboutFile } from "../functions/about-file.js";
import { formatHappening } from "../functions/format-happening.js";
import type { Happening } from "../functions/happening.js";
import { HostedFunction, type HostedFunctionOptions } from "../functions/hosted-function.js";
import { readModule } from "../functions/read-module.js";
import { createOutput, type Output } from "../output.js";

interface RunCommandOptions {
  readonly init?: string;
  readonly state?: string;
  readonly for: string;
  readonly json?: boolean;
}

/** An event of the command line. */
interface Step {
  readonly type: "cast" | "call";
  readonly payload: string;
}

/** `edgeless function run`: one function alone, in the host that nodes run it in, without a domain. */
export function addRunCommand(group: Command): void {
  const steps: Step[] = [];
  const answers: Record<string, string> = {};
  group
    .command("run <FILE>")
    .description("run a .wasm file here: send it events, see what it does; waiting is skipped")
    .option("--init <TEXT>", "init payload")
    .option("--state <TEXT>", "state that an earlier life left")
    .option("--cast <TEXT>", "send a cast; may be repeated, in order with --call", (payload) => {
      steps.push({ type: "cast", payload });
    })
    .option("--call <TEXT>", "send a call and print the reply; may be repeated", (payload) => {
      steps.push({ type: "call", payload });
    })
    .option(
      "--answer <CHANNEL=TEXT>",
      "answer to calls of the function on a channel; may be repeated",
      (text) => {
        const at = text.indexOf("=");
        if (at < 1) throw new EdgelessError("EDGELESS_USAGE", `--answer takes CHANNEL=TEXT, not "${text}"`);
        answers[text.slice(0, at)] = text.slice(at + 1);
      },
    )
    .option("--for <SECONDS>", "time that passes afterwards, in which delayed casts run", "10")
    .option("--json", "print what happens as JSON lines")
    .action(async (file: string, options: RunCommandOptions) => {
      const limitMs = Number(options.for) * 1000;
      if (!(limitMs >= 0)) {
        throw new EdgelessError("EDGELESS_USAGE", `--for takes a number of seconds, not "${options.for}"`);
      }
      const output = createOutput(options.json === true);
      const started = { init: options.init, state: options.state, answers };
      await run(file, started, steps, limitMs, output);
    });
}

async function run(
  file: string,
  options: HostedFunctionOptions,
  steps: readonly Step[],
  limitMs: number,
  output: Output,
): Promise<void> {
  const wasm = readModule(file);
  let hosted: HostedFunction | undefined;
  const print = (text: string, value: object) => {
    const afterMs = Math.round(hosted?.skippedMs ?? 0);
    output.result(afterMs === 0 ? text : `${text}  (after ${afterMs / 1000} s)`, { ...value, afterMs });
  };
  const observe = (happening: Happening) => print(formatHappening(happening), happening);
  hosted = await aboutFile(file, () => HostedFunction.start(wasm, options, observe));
  for (const { type, payload } of steps) {
    if (type === "cast") await hosted.cast(payload);
    else await reply(hosted, payload, print);
  }
  await hosted.advance(limitMs);
  const { waiting } = hosted;
  if (waiting > 0) {
    const casts = waiting === 1 ? "1 delayed cast still waits" : `${waiting} delayed casts still wait`;
    output.note(`${casts}: --for SECONDS lets more time pass`);
  }
}

async function reply(
  hosted: HostedFunction,
  payload: string,
  print: (text: string, value: object) => void,
): Promise<void> {
  try {
    const answer = await hosted.call(payload);
    print(answer === null ? "no reply" : `reply  ${answer}`, { type: "reply", payload: answer });
  } catch (error) {
    if (!(error instanceof EdgelessError) || error.code !== "EDGELESS_REJECTED") throw error;
    print("reply  (error)", { type: "reply", error: true });
  }
}
