import { relative } from "node:path";
import type { Command } from "commander";
import { systemClock } from "../../platform/system-clock.js";
import { buildFunction } from "../../toolchain/assemblyscript/build-function.js";
import { type BuildReport, formatReport, inputsOf } from "../../toolchain/assemblyscript/build-report.js";
import { CompilerProcess } from "../../toolchain/assemblyscript/compiler-process.js";
import { formatDiagnostic } from "../../toolchain/assemblyscript/diagnostic.js";
import { buildProfile } from "../functions/build-profile-option.js";
import { functionFolder } from "../functions/function-folder.js";
import { createOutput, type Output, printError } from "../output.js";
import { untilSignal } from "../until-signal.js";
import { repeated } from "../watch/repeat.js";
import { watchFiles } from "../watch/watch-files.js";

interface BuildCommandOptions {
  readonly profile?: string;
  readonly out?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** `edgeless function build`: from the source of a function to a module that every node can load. */
export function addBuildCommand(group: Command): void {
  group
    .command("build <PATH>")
    .description("compile the function of a folder, or of its function.json, to NAME.wasm")
    .option(
      "--profile <PROFILE>",
      "normal, tiny (for the smallest boards) or debug (default: as function.json says, or normal)",
    )
    .option("-o, --out <DIR>", "where NAME.wasm and function.json go (default: the function's folder)")
    .option("--watch", "build again whenever a source file is saved, until Ctrl-C")
    .option("--json", "print results as JSON")
    .action(async (path: string, options: BuildCommandOptions) => {
      const output = createOutput(options.json === true);
      const folder = functionFolder(path);
      const profile = buildProfile(options.profile);
      const compiler = new CompilerProcess();
      const build = async () => {
        output.note(`Compiling ${path} ...`);
        const outFolder = options.out === undefined ? {} : { outFolder: options.out };
        const report = await buildFunction(folder, { ...profile, compiler, ...outFolder });
        print(report, output);
        return report;
      };
      try {
        const sinceMs = systemClock.wallMs();
        const first = await build();
        if (options.watch === true) await watch(first, sinceMs, build, output);
      } finally {
        compiler.close();
      }
    });
}

function print(report: BuildReport, output: Output): void {
  for (const warning of report.warnings) output.note(formatDiagnostic(warning));
  const text = `${formatReport(report)}, ${Math.round(report.duration)} ms\n${relative(".", report.wasmFile)}`;
  output.result(text, report);
}

/** @param sinceMs wall time before the first build; what was saved later is not in it */
async function watch(
  first: BuildReport,
  sinceMs: number,
  build: () => Promise<BuildReport>,
  output: Output,
): Promise<void> {
  const builds = repeated(async () => {
    try {
      const nowMs = systemClock.wallMs();
      watched.files(inputsOf(await build()), nowMs);
    } catch (error) {
      printError(error, output.json);
    }
  });
  const watched = watchFiles(() => builds.again(), systemClock);
  watched.files(inputsOf(first), sinceMs);
  output.note("Watching the sources; Ctrl-C ends.");
  await untilSignal({
    async close() {
      watched.close();
      await builds.idle();
    },
  });
}
