import type { TestEvent } from "node:test/reporters";

/** Reporter of node:test: one JSON line per test. */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const { name, details } = data;
    const reason = type === "test:fail" ? { reason: data.details.error.message } : {};
    yield `${JSON.stringify({ name, passed: type === "test:pass", ms: details.duration_ms, ...reason })}\n`;
  }
}
