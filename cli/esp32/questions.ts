import { createInterface, type Interface } from "node:readline/promises";
import { Writable } from "node:stream";
import { EdgelessError } from "../../core/errors.js";

/** Asks a person. Both methods throw EdgelessError EDGELESS_USAGE when there will be no answer. */
export interface Questions {
  /** @param suggested what an empty answer means */
  ask(question: string, suggested: string): Promise<string>;
  /** Does not show what is typed. */
  askHidden(question: string): Promise<string>;
}

/** The person at the terminal; undefined when there is none. */
export function terminalQuestions(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): Questions | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  const ask = async (question: string): Promise<string> => {
    const lines = createInterface({ input, output });
    try {
      return (await answered(lines, question)).trim();
    } finally {
      lines.close();
    }
  };
  const askHidden = async (question: string): Promise<string> => {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    // From here on the terminal itself echoes nothing, so the question must not come earlier.
    const lines = createInterface({ input, output: nowhere, terminal: true });
    output.write(question);
    try {
      return await answered(lines, "");
    } finally {
      lines.close();
      output.write("\n");
    }
  };
  return {
    async ask(question, suggested) {
      const answer = await ask(`${question}${suggested === "" ? "" : ` [${suggested}]`}: `);
      return answer === "" ? suggested : answer;
    },
    askHidden: (question) => askHidden(`${question}: `),
  };
}

/** The answer of a person who does not give up: Ctrl-C ends the program as always, Ctrl-D is no answer. */
async function answered(lines: Interface, question: string): Promise<string> {
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const closed = new Promise<never>((_resolve, reject) => {
    lines.on("close", () => reject(new EdgelessError("EDGELESS_USAGE", "the question was not answered")));
  });
  return await Promise.race([lines.question(question), closed]);
}
