import { z } from "zod";
import { EdgelessError, reasonOf } from "../../core/errors.js";

/** What a function does to the world: its kind, then its details, as `NAME.test.json` writes them. */
export type TestEffect = readonly (string | number)[];

const effect = z.array(z.union([z.string(), z.number()])).min(2);
const step = z.strictObject({
  cast: z.string().optional(),
  call: z.string().optional(),
  /** Expected answer to the call: a text, or null for none. */
  answer: z.string().nullable().optional(),
  expect: z.array(effect).optional(),
});
const schema = z.strictObject({
  tests: z.array(
    z.strictObject({
      name: z.string(),
      init: z.string().optional(),
      state: z.string().optional(),
      /** Effects of the init handler. */
      expect: z.array(effect).optional(),
      /** Answers to the calls of the function, by channel. */
      answers: z.record(z.string(), z.string()).optional(),
      steps: z.array(step),
    }),
  ),
});

/** One test of a function: what it is sent, and what it has to do then. Log lines do not count. */
export type FunctionTest = z.infer<typeof schema>["tests"][number];

/** A function that runs, however it does. */
export interface TestGuest {
  init(payload: string | undefined, state: string | undefined): Promise<void>;
  cast(payload: string): Promise<void>;
  /** Undefined when the call failed. */
  call(payload: string): Promise<string | null | undefined>;
  /** What it did since this was last asked, without log lines. */
  sent(): TestEffect[];
}

/**
 * Reads `NAME.test.json`.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming the file and the key
 */
export function parseFunctionTests(text: string, file: string): FunctionTest[] {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (thrown) {
    throw new EdgelessError("EDGELESS_BAD_CONFIG", `${file} is not JSON: ${reasonOf(thrown)}`, thrown);
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data.tests;
  const [issue] = parsed.error.issues;
  throw new EdgelessError(
    "EDGELESS_BAD_CONFIG",
    `${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
  );
}

/** Runs one test and returns what went wrong, one sentence each. */
export async function runFunctionTest(test: FunctionTest, guest: TestGuest): Promise<string[]> {
  const failures: string[] = [];
  const compare = (what: string, expected: readonly TestEffect[] | undefined) => {
    const sent = JSON.stringify(guest.sent());
    if (expected !== undefined && sent !== JSON.stringify(expected)) {
      failures.push(`${what}: expected ${JSON.stringify(expected)}, got ${sent}`);
    }
  };
  await guest.init(test.init, test.state);
  compare("init", test.expect);
  for (const [index, { cast, call, answer, expect }] of test.steps.entries()) {
    const what = `step ${index + 1}`;
    if (cast !== undefined) await guest.cast(cast);
    if (call !== undefined) {
      const given = await guest.call(call);
      if (answer !== undefined && given !== answer) {
        failures.push(`${what}: expected the answer ${JSON.stringify(answer)}, got ${JSON.stringify(given)}`);
      }
    }
    compare(what, expect);
  }
  return failures;
}
