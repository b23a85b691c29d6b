import { EdgelessError } from "../../core/errors.js";
import { CONSOLE_BAUD } from "../../esp32/tools/open-port.js";
import type { Output } from "../output.js";
import { connectLoader } from "./connect-loader.js";
import { describeChip } from "./flash-board.js";
import { afterOf, type LoaderOptions } from "./loader-options.js";
import { terminalQuestions } from "./questions.js";
import { withPort } from "./with-port.js";

/** Erases the flash of a board after asking. @throws EdgelessError EDGELESS_USAGE when nobody can be asked */
export async function eraseBoard(
  options: LoaderOptions & { readonly yes?: boolean },
  output: Output,
): Promise<void> {
  if (options.yes !== true) {
    const questions = terminalQuestions(process.stdin, process.stderr);
    if (questions === undefined) throw new EdgelessError("EDGELESS_USAGE", "erasing wants --yes");
    const answer = await questions.ask("Erase firmware, settings and files of the board? yes or no", "no");
    if (answer !== "yes") {
      output.result("nothing was erased", { erased: false });
      return;
    }
  }
  const after = afterOf(options);
  await withPort(options, output, CONSOLE_BAUD, async (port, bar) => {
    const loader = await connectLoader(port, options, output);
    output.note(describeChip(loader.chip));
    output.note("erasing, which takes up to half a minute");
    await loader.eraseAll((erased, total) => bar.show("erasing", erased, total));
    bar.clear();
    await loader.finish(after);
    output.result("erased; flash it before it is used again", { erased: true, mac: loader.chip.mac });
  });
}
