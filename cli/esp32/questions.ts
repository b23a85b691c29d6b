import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Asks a person. */
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
      return (await lines.question(question)).trim();
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
      return await lines.question("");
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
