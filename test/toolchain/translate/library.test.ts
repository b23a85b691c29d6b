import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { GuestDriver, shippedModule } from "../../kit/guest-driver.js";
import { ROOT } from "../../kit/repository.js";

/** All but the one that never ends by design. */
const FUNCTIONS = readdirSync(join(ROOT, "functions")).filter(
  (id) => id !== "infinite_test" && existsSync(join(ROOT, "functions", id, "function.json")),
);

/** Payloads of all kinds that some function of the library understands. */
const PAYLOADS = [
  "",
  "0",
  "21",
  "-7",
  "2147483647",
  "99999999999",
  "3.25",
  "-0.1",
  "1e21",
  "nan",
  "20.5;40;1013.25",
  "a,b,c",
  "PING",
  "wakeup",
  "test_cast_raw_output",
  "test_call_noreply",
  "test_err",
  '{"secret":42,"msg":"x"}',
  '{"value":"a","number":-1.5e3,"list":[1,2,{"deep":null}]}',
  "GET / HTTP/1.1",
  "{",
  "\u{1f600} ünïcode",
];
const INITS = [undefined, "0.0,100.0", "period=100,min-value=1,max-value=9,seed=7,delay_ms=5"];

/** Everything that a function did in a course of events, and where it was ended. */
function course(id: string, engine: "plain" | "translated", init: string | undefined): unknown[] {
  const seen: unknown[] = [];
  try {
    const guest = new GuestDriver(shippedModule(id), {
      engine,
      answer: (_, payload) =>
        payload.length % 3 === 0 ? null : payload.length % 3 === 1 ? payload : "error-code",
    });
    seen.push(guest.init(init, init === "" ? "12" : undefined).take());
    for (const payload of PAYLOADS) seen.push(guest.cast(payload).take());
    for (const payload of PAYLOADS) seen.push(guest.call(payload), guest.take());
    seen.push(guest.stop().take());
  } catch {
    seen.push("trapped");
  }
  return seen;
}

t.setTimeout(180_000);

t.test("given any function of the library, when it is translated, then it does the same", async (t) => {
  for (const id of FUNCTIONS) {
    for (const init of INITS) {
      t.strictSame(course(id, "translated", init), course(id, "plain", init), `${id} with ${init}`);
    }
  }
});
