import t from "tap";
import { uuidToBytes } from "../../core/uuid.js";
import { CALL_FAILED, type DriverOptions, GuestDriver, SOURCE, shippedModule } from "../kit/guest-driver.js";

const WHOLE_I32 = ["0", "7", "+7", "-7", "2147483647", "-2147483648"];
const NO_I32 = ["", " 7", "7 ", "0x10", "12abc", "1.0", "+", "-", "2147483648", "-2147483649", "٣"];

for (const engine of ["plain", "prepared", "translated"] as const) {
  const start = (id: string, options: DriverOptions = {}) =>
    new GuestDriver(shippedModule(id), { engine, ...options });

  t.test(`${engine} engine`, async (t) => {
    t.test("noop does nothing but log", async (t) => {
      const guest = start("noop").init("hello").cast("a");
      t.equal(guest.call("b"), null);
      guest.stop();
      t.ok(
        guest.effects.every(([kind, level, target]) => kind === "log" && level === 3 && target === "noop"),
      );
      t.match(guest.take()[1], ["log", 3, "noop", new RegExp(`${SOURCE.nodeId}.*${SOURCE.functionId}.*a$`)]);
    });

    t.test("counter sends itself its start and then counts", async (t) => {
      t.same(start("counter").init("41").sent(), [["cast", "self", "41"]]);
      t.same(start("counter").init("-5").sent(), [["cast", "self", "-5"]]);
      for (const payload of [undefined, "", "x"]) {
        t.same(start("counter").init(payload).sent(), [["cast", "self", "0"]]);
      }
      t.same(start("counter").cast("41").sent(), [
        ["cast", "output", "42"],
        ["delayed-cast", 1000, "self", "42"],
      ]);
      t.throws(() => start("counter").cast("x"));
    });

    t.test("double and incr wrap around and ignore what is no i32", async (t) => {
      for (const text of WHOLE_I32) {
        const value = Number(text);
        t.same(start("double").cast(text).sent(), [["cast", "result", String((value * 2) | 0)]], text);
        t.same(start("incr").cast(text).sent(), [["cast", "result", String((value + 1) | 0)]], text);
      }
      for (const text of NO_I32) {
        t.same(start("double").cast(text).sent(), [], text);
        t.same(start("incr").cast(text).sent(), [], text);
      }
    });

    t.test("dup casts twice and refuses calls", async (t) => {
      const guest = start("dup").cast("ein Grüß Gott 🙂").cast("");
      t.same(guest.sent(), [
        ["cast", "out1", "ein Grüß Gott 🙂"],
        ["cast", "out2", "ein Grüß Gott 🙂"],
        ["cast", "out1", ""],
        ["cast", "out2", ""],
      ]);
      t.equal(guest.call("x"), CALL_FAILED);
    });

    t.test("load_balance starts with the second channel and goes round", async (t) => {
      const guest = start("load_balance").init("num_outputs=3");
      for (const message of ["a", "b", "c", "d"]) guest.cast(message);
      t.same(guest.sent(), [
        ["cast", "out2", "a"],
        ["cast", "out3", "b"],
        ["cast", "out1", "c"],
        ["cast", "out2", "d"],
      ]);
      t.same(start("load_balance").init("num_outputs=1").cast("a").sent(), [["cast", "out1", "a"]]);
      t.same(start("load_balance").init().cast("a").sent(), []);
      t.equal(start("load_balance").init().call("a"), CALL_FAILED);
    });

    t.test("message_generator repeats its message with the source and a number", async (t) => {
      const guest = start("message_generator").init("period=250,message=hi there");
      t.same(guest.sent(), [["cast", "self", "hi there"]]);
      const from = `from node_id ${SOURCE.nodeId} function_id ${SOURCE.functionId}`;
      t.same(guest.cast("hi there").cast("hi there").sent(), [
        ["cast", "output", `${from} [#0]: hi there`],
        ["delayed-cast", 250, "self", "hi there"],
        ["cast", "output", `${from} [#1]: hi there`],
        ["delayed-cast", 250, "self", "hi there"],
      ]);
      t.same(start("message_generator").init().sent(), [["cast", "self", "hello world"]]);
    });

    t.test("ping keeps its count as state and calls its partner", async (t) => {
      const guest = start("ping", { answer: () => "PONG" }).init();
      t.same(guest.sent(), [["cast", "self", "wakeup"]]);
      t.same(guest.cast("wakeup").sent(), [
        ["sync", '{"count":1}'],
        ["call", "ponger", "PING-0"],
        ["delayed-cast", 1000, "self", "wakeup"],
      ]);
      t.same(guest.cast("PONG").sent(), []);
      t.same(start("ping").init(undefined, '{"count":41}').cast("wakeup").sent().slice(1, 3), [
        ["sync", '{"count":42}'],
        ["call", "ponger", "PING-41"],
      ]);
      for (const state of ["{}", "[1]", '{"count":1', '{"count":1.5}', '{"count":-1}', '{"count":"1"}']) {
        t.throws(() => start("ping").init(undefined, state), state);
      }
    });

    t.test("pong answers calls", async (t) => {
      const guest = start("pong").init();
      t.equal(guest.call("PING-0"), "PONG");
      t.equal(guest.call("PING-1"), "PONG");
      t.same(guest.cast("hello").sent(), []);
    });

    t.test("messaging_test does what it is told", async (t) => {
      const guest = start("messaging_test", { answer: () => "whatever" }).init();
      t.same(guest.take(), [["log", 3, "messaging_test", "Messaging Test Init"]]);
      guest.cast("test_cast_raw_output").cast("test_call_raw_output").cast("test_delayed_cast_output");
      guest.cast("test_cast_output").cast("test_call_output").cast("something else");
      t.same(guest.take(), [
        ["cast-raw", "source", "cast_raw_output"],
        ["call-raw", "source", "call_raw_output"],
        ["delayed-cast", 100, "test", "delayed_cast_output"],
        ["cast", "test", "cast_output"],
        ["call", "test", "call_output"],
        ["log", 3, "messaging_test", "Unprocessed Message"],
      ]);
      t.equal(guest.call("test_ret"), "test_reply");
      t.equal(guest.call("test_err"), CALL_FAILED);
      t.equal(guest.call("other"), null);
      t.same(guest.stop().take(), [["log", 3, "messaging_test", "Messaging Test Stop"]]);
    });

    t.test("state_test says what state it has", async (t) => {
      t.same(start("state_test").init().take(), [["log", 3, "state_test", "no_state"]]);
      const guest = start("state_test").init(undefined, "old");
      t.same(guest.take(), [["log", 3, "edgeless_test_state", "old"]]);
      t.same(guest.cast("test_cast_raw_output").cast("other").take(), [["sync", "new_state"]]);
    });

    t.test("system_test halves, decrements and reports errors", async (t) => {
      const guest = start("system_test").init("8");
      t.same(guest.sent(), [["delayed-cast", 1000, "self", "8"]]);
      t.same(start("system_test").init("x").sent(), []);
      t.same(start("system_test").init().take(), [["log", 3, "system_test", "started: None"]]);
      t.same(guest.cast("8").cast("-7").sent(), [
        ["cast", "out1", "4"],
        ["cast", "out2", "7"],
        ["cast", "log", "8"],
        ["cast", "out1", "-3"],
        ["cast", "out2", "-8"],
        ["cast", "log", "-7"],
      ]);
      const [started, , line] = start("system_test").init("8").cast("8").take();
      t.same(started, ["log", 3, "system_test", "started: Some([56])"]);
      t.same(line, ["log", 3, "system_test", `cast [${uuidToBytes(SOURCE.functionId).join(", ")}]: 8`]);
      const reasons = {
        xx: "invalid digit found in string",
        "": "cannot parse integer from empty string",
        "99999999999": "number too large to fit in target type",
        "-99999999999": "number too small to fit in target type",
        "9999999999999x": "number too large to fit in target type",
        "1x999999999999": "invalid digit found in string",
      };
      for (const [text, reason] of Object.entries(reasons)) {
        t.same(guest.cast(text).sent(), [
          ["cast", "err", `parsing error: ${reason}`],
          ["cast", "log", text],
        ]);
      }
    });

    t.test("infinite_test arms itself", async (t) => {
      t.same(start("infinite_test").init().sent(), [["delayed-cast", 1000, "self", ""]]);
    });
  });
}
