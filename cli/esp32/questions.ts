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
  const answerTo = async (question: string, isHidden: boolean): Promise<string> => {
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (!isHidden) output.write(chunk);
        done();
      },
    });
    // From here on the terminal itself echoes nothing, so the question must not come earlier.
    const lines = createInterface({ input, output: sink, terminal: true });
    output.write(question);
    try {
      return (await lines.question("")).trim();
    } finally {
      lines.close();
      if (isHidden) output.write("\n");
    }
  };
  return {
    async ask(question, suggested) {
      const answer = await answerTo(`${question}${suggested === "" ? "" : ` [${suggested}]`}: `, false);
      return answer === "" ? suggested : answer;
    },
    askHidden: (question) => answerTo(`${question}: `, true),
  };
}
