import t from "tap";
import {
  type Answer,
  CALL_FAILED,
  type DriverOptions,
  GuestDriver,
  shippedModule,
} from "../kit/guest-driver.js";

const start = (id: string, options: DriverOptions = {}) => new GuestDriver(shippedModule(id), options);

t.test("single_trigger sends one message after a delay", async (t) => {
  const guest = start("single_trigger").init("delay_ms=250,message=go");
  t.same(guest.take(), [["delayed-cast", 250, "self", ""]]);
  t.same(guest.cast("").cast("x").take(), [["cast", "out", "go"]]);
  t.same(start("single_trigger").init().cast("").take(), [
    ["delayed-cast", 0, "self", ""],
    ["cast", "out", ""],
  ]);
});

t.test("sensor_simulator sends what the generator of EDGELESS draws", async (t) => {
  const guest = start("sensor_simulator").init("period=100,min-value=-100,max-value=100,seed=42");
  t.same(guest.take(), [["cast", "self", ""]]);
  const draw = generator(42);
  for (let i = 0; i < 50; i++) {
    const value = Math.fround(Math.fround(draw() * 200) - 100);
    const [cast, again] = guest.cast("").take();
    t.same(again, ["delayed-cast", 100, "self", ""]);
    const text = String(cast?.[2]);
    t.equal(Math.fround(Number(text)), value);
    t.ok(text.length <= 13, text);
  }
  t.same(start("sensor_simulator").init("min-value=5,max-value=5").cast("").take()[1], [
    "cast",
    "output",
    "5",
  ]);
});

t.test("filter_in_range tells why it keeps something back", async (t) => {
  const guest = start("filter_in_range").init("0.0,100.0");
  for (const text of ["0", "100", "+1e1", "99.99"])
    t.same(guest.cast(text).take(), [["cast", "output", text]]);
  t.same(guest.cast("-0.50").cast("1e21").cast("nan").cast("abc").cast("").take(), [
    ["cast", "error", "value '-0.5' out of range [0,100]"],
    ["cast", "error", "value '1000000000000000000000' out of range [0,100]"],
    ["cast", "error", "value 'NaN' out of range [0,100]"],
    ["cast", "error", "invalid event payload 'abc': invalid float literal"],
    ["cast", "error", "invalid event payload '': cannot parse float from empty string"],
  ]);
  for (const malformed of ["1", "1,2,3", "a,b", "1,", ","]) {
    const closed = start("filter_in_range").init(malformed).cast("0").cast("1").take();
    t.same(
      closed,
      [
        ["cast", "output", "0"],
        ["cast", "error", "value '1' out of range [0,0]"],
      ],
      malformed,
    );
  }
  t.throws(() => start("filter_in_range").init().cast("1"));
});

t.test("moving_avg gives the mean of the last numbers", async (t) => {
  const guest = start("moving_avg").init("3");
  t.same(guest.cast("1").cast("2").take(), []);
  t.same(guest.cast("4.5").cast("10").cast("xy").cast("0.5").take(), [
    ["cast", "output", "2.5"],
    ["cast", "output", "5.5"],
    ["cast", "error", "invalid event payload '[120, 121]': invalid float literal"],
    ["cast", "output", "5"],
  ]);
  const order = start("moving_avg").init("3").cast("16777216").cast("1").cast("1");
  // From the newest: 1 + 1 + 2^24, not 2^24 + 1 + 1, which would lose both.
  t.same(order.take(), [["cast", "output", "5592406"]]);
  t.same(start("moving_avg").init("0").cast("1").cast("2").take(), []);
  t.same(start("moving_avg").init("x").cast("1").cast("2").take(), []);
  t.throws(() => start("moving_avg").init().cast("1"));
});

t.test("ping_async and pong_async answer by cast", async (t) => {
  const ping = start("ping_async").init();
  t.same(ping.sent(), [["delayed-cast", 10000, "self", "wakeup"]]);
  t.same(ping.cast("wakeup").cast("PONG2").sent(), [
    ["cast", "ponger", "PING"],
    ["delayed-cast", 1000, "self", "wakeup"],
  ]);
  t.same(start("pong_async").init().cast("PING").sent(), [["cast-raw", "source", "PONG2"]]);
});

t.test("sloppy_test delays each message once", async (t) => {
  const guest = start("sloppy_test").init("delay_ms=5");
  const wrapped = '{"secret":42,"msg":"say \\"hi\\""}';
  t.same(guest.cast('say "hi"').cast(wrapped).take(), [
    ["delayed-cast", 5, "self", wrapped],
    ["cast", "out", 'say "hi"'],
  ]);
  for (const other of ['{"secret":41,"msg":"x"}', '{"secret":42}', '{"secret":42,"msg":1}', "{"]) {
    t.equal(guest.cast(other).take()[0]?.[0], "delayed-cast", other);
  }
});

t.test("esp_test_fun rounds the first of three values", async (t) => {
  const guest = start("esp_test_fun").init();
  t.same(guest.cast("800.12345;50.12345;20.12345").cast("1.5;;").cast("a;b").cast("1;2;3;4").take(), [
    ["cast", "check_display", "CO2:\n800"],
    ["cast", "check_display", "CO2:\n2"],
  ]);
  t.throws(() => guest.cast("a;b;c"));
});

t.test("infinite_test is loaded and armed", async (t) => {
  t.same(start("infinite_test").init().take(), [["delayed-cast", 1000, "self", ""]]);
});

t.test("trigger generates events of all kinds", async (t) => {
  const constant = start("trigger").init("out_type=constant,value=hello world!,arrival= C(100) ");
  t.same(constant.cast("").take(), [
    ["cast", "self", ""],
    ["cast", "out", "hello world!"],
    ["delayed-cast", 100, "self", ""],
  ]);
  const counter = start("trigger").init("out_type=counter,log=true,arrival=u(1000;2000),seed=42");
  const draw = generator(42);
  counter.take();
  for (let i = 0; i < 20; i++) {
    const delay = 1000 + Math.round(Math.fround(1000 * draw()));
    t.same(counter.cast("").take(), [
      ["cast", "out", String(i)],
      ["log", 5, "tbegin", String(i)],
      ["delayed-cast", delay, "self", ""],
    ]);
  }
  t.same(counter.cast("7").take(), [["log", 5, "tend", "7"]]);
  const exponential = start("trigger").init("out_type=counter,arrival=e(500),seed=7");
  exponential.take();
  const wait = generator(7);
  for (let i = 0; i < 20; i++) {
    const delay = exponential.cast("").take()[1]?.[1];
    t.ok(Math.abs(Number(delay) + Math.log(wait()) * 500) <= 0.51, String(delay));
  }
  const vector = start("trigger").init("out_type=rand_vec,size=2,use_base64=true,arrival=c(1),seed=1");
  const values = generator(1);
  const bytes = Buffer.alloc(8);
  bytes.writeFloatBE(values(), 0);
  bytes.writeFloatBE(values(), 4);
  t.same(vector.cast("").take().slice(0, 2), [
    ["cast", "self", ""],
    ["cast", "out", bytes.toString("base64")],
  ]);
});

t.test("trigger explains a wrong configuration and stays down", async (t) => {
  for (const [payload, prefix] of [
    ["arrival=c(1)", "Invalid output config: "],
    ["out_type=x,arrival=c(1)", "Invalid output config: "],
    ["out_type=constant,arrival=c(1)", "Invalid output config: "],
    ["out_type=rand_vec,size=x,arrival=c(1)", "Invalid output config: "],
    ["out_type=counter", "Invalid inter-arrival config: "],
    ["out_type=counter,arrival=c1", "Invalid inter-arrival config: "],
    ["out_type=counter,arrival=c(1)(2)", "Invalid inter-arrival config: "],
    ["out_type=counter,arrival=u(2;1)", "Invalid inter-arrival config: "],
    ["out_type=counter,arrival=x(2)", "Invalid inter-arrival config: "],
  ] as const) {
    const guest = start("trigger").init(payload);
    const [effect, ...rest] = guest.take();
    t.same([effect?.[0], effect?.[1], rest], ["cast", "err", []], payload);
    t.ok(String(effect?.[2]).startsWith(prefix), payload);
    t.throws(() => guest.cast(""));
  }
});

const REQUEST = {
  method: "Post",
  protocol: "Unknown",
  host: "h:80",
  path: "/hello",
  body: [52, 50],
  headers: {},
};
const request = (change: object = {}) => JSON.stringify({ ...REQUEST, ...change });
const response = (status: number, text?: string) =>
  `{"body":${text === undefined ? "null" : JSON.stringify([...Buffer.from(text)])},"status":${status},"headers":{}}`;

t.test("http_processor knows one path", async (t) => {
  const guest = start("http_processor").init();
  t.equal(guest.call(request()), response(200, "World"));
  t.equal(guest.call(request({ path: "/hello?x" })), response(404, "Not Found"));
  t.equal(guest.call(request({ body: null, more: [{ a: 1 }] })), response(200, "World"));
  for (const bad of [
    "",
    "{}",
    request({ method: "GET" }),
    request({ body: [256] }),
    request({ headers: { a: 1 } }),
  ]) {
    t.throws(() => start("http_processor").call(bad), bad);
  }
});

t.test("http_read_number passes on the text of a number", async (t) => {
  const guest = start("http_read_number").init();
  const bytes = (text: string) => [...Buffer.from(text)];
  t.equal(guest.call(request({ path: "/read_number", body: bytes("+042") })), response(200));
  t.same(guest.take(), [["cast", "parsed_value", "+042"]]);
  for (const [change, status, text] of [
    [{ path: "/other" }, 404, "invalid path"],
    [{ path: "/read_number", body: bytes("x") }, 400, "body does not contain an integer"],
    [{ path: "/read_number", body: [] }, 400, "body does not contain an integer"],
    [{ path: "/read_number", body: [255] }, 400, "body is not a string"],
    [{ path: "/read_number", body: null }, 400, "empty body"],
  ] as const) {
    t.equal(guest.call(request(change)), response(status, text));
  }
  t.same(guest.take(), []);
});

t.test("http_write_number posts what it gets", async (t) => {
  const guest = start("http_write_number", { answer: () => response(201, "ok") }).init("localhost:10000");
  t.same(guest.cast("86").sent(), [
    [
      "call",
      "external_sink",
      '{"method":"Post","protocol":"HTTP","host":"localhost:10000","path":"","body":[56,54],"headers":{}}',
    ],
  ]);
  t.throws(() => start("http_write_number").init().cast("1"));
});

t.test("http_requestor asks over HTTPS and logs the answer", async (t) => {
  const guest = start("http_requestor", { answer: () => response(200, "[]") }).init();
  t.same(guest.take(), [["delayed-cast", 5000, "self", "wakeup"]]);
  const [call, line] = guest.cast("wakeup").take();
  t.same(JSON.parse(String(call?.[2])), {
    method: "Get",
    protocol: "HTTPS",
    host: "api.github.com:443",
    path: "/users/octocat/keys",
    body: null,
    headers: { Accept: "application/vnd.github+json", "User-Agent": "edgeless" },
  });
  t.same(line, ["log", 3, "http_requestor", "[]"]);
  t.same(start("http_requestor").init().cast("x").take().at(-1), ["log", 3, "http_requestor", "no response"]);
  const [, other] = start("http_requestor").init("http://localhost:10000/a?b").cast("x").take();
  t.match(JSON.parse(String(other?.[2])), { protocol: "HTTP", host: "localhost:10000", path: "/a?b" });
});

t.test("http_extractor casts bodies", async (t) => {
  const guest = start("http_extractor").init();
  t.equal(guest.call(request()), response(200));
  t.equal(guest.call(request({ body: null })), response(200));
  t.same(guest.take(), [["cast", "out", "42"]]);
  t.throws(() => guest.call(request({ body: [255] })));
});

t.test("matrix_mul passes transactions on and marks their begin and end", async (t) => {
  const first = start("matrix_mul").init("matrix_size=3,is_first=true,inter_arrival=2000,outputs=0:7");
  t.same(first.take(), [["delayed-cast", 1000, "self", ""]]);
  for (const id of ["0", "1"]) {
    t.same(first.cast("").take(), [
      ["delayed-cast", 2000, "self", ""],
      ["log", 5, "tbegin", id],
      ["cast", "out-0", id],
      ["cast", "out-7", id],
    ]);
  }
  const last = start("matrix_mul").init("matrix_size=2,is_last=true,outputs=").cast("12").cast("x");
  t.same(last.take(), [
    ["log", 5, "tend", "12"],
    ["log", 5, "tend", "0"],
  ]);
  t.same(start("matrix_mul").init("matrix_size=1").cast("5").take(), [["cast", "out-0", "5"]]);
});

t.test("vector_mul sends vectors round and multiplies them", async (t) => {
  const client = start("vector_mul").init("is_client=true,input_size=3,seed=42");
  t.same(client.take(), [["delayed-cast", 1000, "self", ""]]);
  const [begin, cast] = client.cast("").take();
  t.same(begin, ["log", 5, "tbegin", "1"]);
  const draw = generator(42);
  t.same(
    String(cast?.[2])
      .split(",")
      .map((text) => Math.fround(Number(text))),
    [1, draw(), draw(), draw()],
  );
  t.same(client.cast("").take().slice(0, 2), [
    ["log", 5, "tend", "1"],
    ["log", 5, "tbegin", "2"],
  ]);
  const matrix = generator(1);
  const rows = [0, 1].map(() => [matrix(), matrix()]);
  const expected = rows.map(([a = 0, b = 0]) => Math.fround(Math.fround(a * 7) + Math.fround(b * 0.5)));
  const processor = start("vector_mul").init("input_size=2,seed=1").cast("7,0.5,9");
  const values = String(processor.take()[0]?.[2]).split(",");
  t.equal(values[0], "7");
  t.same(
    values.slice(1).map((text) => Math.fround(Number(text))),
    expected,
  );
  for (const bad of ["7,1", "7,1,2,3", ""]) {
    t.throws(() => start("vector_mul").init("input_size=2").cast(bad), bad);
  }
});

t.test("bench_process computes and forwards if told to", async (t) => {
  t.same(start("bench_process").init("forward=true,fibonacci=1000,allocate=100000").cast("m").take(), [
    ["cast", "out", "m"],
  ]);
  t.same(start("bench_process").init().cast("m").take(), []);
});

t.test("bench_mapreduce starts, adds up and ends transactions", async (t) => {
  const floats = (...values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) bytes.writeFloatBE(value, 4 * i);
    return bytes;
  };
  const message = (transaction: number, source: number, ...values: number[]) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(transaction, 0);
    head.writeUInt32BE(source, 4);
    return Buffer.concat([head, floats(...values)]).toString("base64");
  };
  const first = start("bench_mapreduce", { answer: () => "41" }).init(
    "is_first=true,use_base64=true,init_id_from_redis=true,outputs=0:2",
  );
  t.same(first.cast(floats(1, 2).toString("base64")).take(), [
    ["call", "redis", "last_transaction_id"],
    ["log", 5, "tbegin", "41"],
    ["cast", "out-0", message(41, 0, 1, 2)],
    ["cast", "out-2", message(41, 2, 1, 2)],
  ]);
  t.same(first.cast("").take()[0], ["log", 5, "tbegin", "42"]);
  const middle = start("bench_mapreduce").init("use_base64=true,inputs=0:2,outputs=1");
  t.same(
    middle
      .cast(message(4, 0, 9))
      .cast(message(5, 0, 1, 2))
      .cast(message(4, 2, 9))
      .take(),
    [],
  );
  t.same(middle.cast(message(5, 2, 10, 20, 30)).take(), [["cast", "out-1", message(5, 1, 11, 22)]]);
  t.same(middle.cast(Buffer.from("abc").toString("base64")).cast(message(6, 7)).take(), [
    ["cast", "err", "error: discarded invalid message casted (size 3)"],
    ["cast", "err", "error: discarded message from unexpected source 7 (expected: 0,2)"],
  ]);
  const last = start("bench_mapreduce").init("is_last=true,use_base64=true,init_id_from_redis=true,inputs=1");
  t.same(last.cast(message(5, 1, 1)).take(), [
    ["log", 5, "tend", "5"],
    ["cast", "redis", "5"],
  ]);
  t.throws(() => last.cast("*"));
  t.equal(start("bench_mapreduce").init("is_first=true,outputs=0").call("x"), null);
  for (const [payload, reasons] of [
    ["is_first=true,inputs=1,outputs=1", ["first element with non-empty inputs"]],
    ["outputs=1", ["non-first element with empty inputs"]],
    ["is_last=true,inputs=1,outputs=1", ["last element with non-empty outputs"]],
    ["inputs=1", ["non-last element with empty outputs"]],
    ["is_first=true,is_last=true", ["element indicated as first and last"]],
  ] as const) {
    const expected = reasons.map((reason) => ["cast", "err", `init error: ${reason}`]);
    t.same(start("bench_mapreduce").init(payload).take(), expected, payload);
  }
});

t.test("sqlx_test keeps its state in a database", async (t) => {
  const answer = (_: string, sql: string): Answer =>
    sql.startsWith("SELECT") ? '{"id":"w"}' : "rows_affected: 1";
  const guest = start("sqlx_test", { answer }).init("42.0").cast("7.25").stop();
  t.same(
    guest.sent().map(([, , sql]) => sql),
    [
      `INSERT INTO WorkflowState (id, metadata) Values($1, '{"foo":42.0,"bar":"initial"}')`,
      "SELECT id, metadata FROM WorkflowState WHERE id=$1",
      `UPDATE WorkflowState SET metadata='{"foo":7.25,"bar":"subsequent"}'  WHERE id = $1`,
      "DELETE FROM WorkflowState WHERE id=$1",
    ],
  );
  t.equal(
    start("sqlx_test", { answer: () => CALL_FAILED })
      .init()
      .cast("1")
      .sent().length,
    2,
  );
});

t.test("check_temperature and move_arm work together", async (t) => {
  const event = (text: string) => JSON.stringify({ ComSubscribeEvent: [...Buffer.from(text)] });
  const check = start("check_temperature", { answer: () => "done" }).init();
  check.cast(event(" 62.5\n")).cast(event("39")).cast(event("50")).cast(event("warm")).cast("{}");
  t.same(check.sent(), [
    ["call", "move_arm", "checktemp:diff:2.5"],
    ["call", "move_arm", "checktemp:diff:-1"],
  ]);
  t.throws(() => start("check_temperature").init().cast(event("70")));
  t.doesNotThrow(() =>
    start("check_temperature", { answer: () => CALL_FAILED })
      .init()
      .cast(event("70")),
  );
  const result = (text: string) => JSON.stringify({ ComSubscribeActionResult: [...Buffer.from(text)] });
  const arm = start("move_arm", { answer: () => result("moved é") }).init();
  t.equal(arm.call("checktemp:diff:2.5"), "moved é");
  t.same(arm.take(), [["call", "dda", '{"ComPublishAction":["move_arm",[48,46,50,53]]}']]);
  t.equal(arm.call("other"), CALL_FAILED);
  t.equal(start("move_arm", { answer: () => CALL_FAILED }).call("checktemp:diff:1"), CALL_FAILED);
  t.throws(() => arm.call("checktemp:diff:x"));
});

t.test("the DDA fixtures answer each kind of message", async (t) => {
  const com = start("dda_com_test").init();
  com.cast('{"ComSubscribeEvent":[1,2]}').cast('{"ComSubscribeAction":["id1",[1]]}');
  com.cast('{"ComSubscribeQuery":["id2",[]]}').cast("nonsense");
  t.same(
    com.sent().map((effect) => effect[2]),
    [
      '{"ComPublishEvent":["event_alias",[]]}',
      '{"ComPublishActionResult":["id1",[]]}',
      '{"ComPublishAction":["action_alias",[]]}',
      '{"ComPublishQueryResult":["id2",[]]}',
      '{"ComPublishQuery":["query_alias",[]]}',
    ],
  );
  const state = start("dda_state_test").init();
  state.cast('{"StateSubscribeSet":["k",[1,2]]}').cast('{"StateSubscribeSet":["kdda",[1]]}');
  state.cast('{"StateSubscribeDelete":"k"}').cast('{"StateSubscribeMembershipChange":["n",true]}');
  t.same(
    state.sent().map((effect) => effect[2]),
    ['{"StatePublishSet":["kdda",[1,2]]}', '{"StatePublishDelete":"kdda"}'],
  );
  const store = start("dda_store_test").init();
  t.same(store.take(), [["delayed-cast", 100, "self", "wakeup"]]);
  const kinds = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const [call, again] = store.cast("").take();
    kinds.add(Object.keys(JSON.parse(String(call?.[2])) as object)[0] ?? "");
    t.same([call?.[0], call?.[1], again], ["call", "dda", ["delayed-cast", 100, "self", ""]]);
  }
  t.same([...kinds].sort(), ["StoreDelete", "StoreDeletePrefix", "StoreGet", "StoreScanPrefix", "StoreSet"]);
});

t.test("shout and double_tiny", async (t) => {
  t.same(start("shout").init().cast("Grüße").take(), [["cast", "output", "GRÜSSE!"]]);
  const tiny = start("double_tiny").init();
  for (const [text, twice] of [
    ["21", "42"],
    ["-5", "-10"],
    ["1073741824", "-2147483648"],
    ["0", "0"],
  ] as const) {
    t.same(tiny.cast(text).sent(), [["cast", "result", twice]]);
  }
  t.same(tiny.cast("x").cast("").sent(), []);
});

/** The generator of EDGELESS. */
function generator(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (1103515245n * state + 12345n) % 2n ** 31n;
    return Math.fround(Math.fround(Number(state)) / 2147483648);
  };
}
