import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { readDatabaseUrl } from "../../../node/resources/sqlx/database-url.js";
import { parseStatement, withQuestionMarks } from "../../../node/resources/sqlx/sql-statement.js";
import { sqlxProvider } from "../../../node/resources/sqlx/sqlx-provider.js";
import { systemClock } from "../../../platform/system-clock.js";
import { eventually } from "../../kit/eventually.js";
import { freePorts } from "../../kit/free-ports.js";
import { MARIADB, NO_MARIADB } from "../../kit/mariadb-server.js";
import { NO_POSTGRES, POSTGRES } from "../../kit/postgres-server.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { SqlServer } from "../../kit/sql-server.js";
import { TcpRelay } from "../../kit/tcp-relay.js";
import { hostOf, started, until } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

t.setTimeout(120_000);
const WAIT_MS = 60_000;
const SELECT = "SELECT id, metadata FROM WorkflowState WHERE id=$1";
const insert = (json: string) => `INSERT INTO WorkflowState (id, metadata) Values($1, '${json}')`;

function sqlx(folder: string, limits: { statementTimeoutMs?: number; patienceMs?: number } = {}) {
  const random = seededRandom(5);
  const clock = systemClock;
  const provider = sqlxProvider({ providerId: "sqlx-1", clock, random, folder, ...limits });
  const parts = talking(hostOf([provider], { mailboxCapacity: 100 }));
  const start = (url: string, workflow: string) => started(parts.host, "sqlx", { url }, workflow);
  return { ...parts, start, call: parts.ask };
}

t.test(
  "given statements, when they are read, then what they do and their placeholders are known",
  async (t) => {
    const kindOf = (text: string) => parseStatement(text, "sqlite")?.kind;
    t.equal(kindOf(SELECT), "read");
    t.equal(kindOf("  -- note\n/* more */ select 1"), "read");
    t.equal(kindOf("WITH a AS (SELECT 1), b(x) AS (DELETE FROM c) SELECT * FROM a"), "read");
    t.equal(kindOf("WITH a AS (SELECT 1) UPDATE t SET x = 1"), "write");
    t.equal(kindOf("UPDATE WorkflowState SET metadata='SELECT' WHERE id=$1"), "write");
    t.equal(kindOf("SELECT ';' ; -- end\n"), "read");
    t.equal(kindOf("DELETE FROM WorkflowState WHERE id IN (SELECT 1)"), "write");
    for (const text of [
      "",
      "DROP TABLE WorkflowState",
      "ATTACH DATABASE 'other.db' AS o -- SELECT",
      "VACUUM INTO 'copy.db' /* INSERT */",
      "PRAGMA writable_schema=1; SELECT 1",
      "CREATE TABLE x AS SELECT 1",
      "(SELECT 1)",
      "WITH",
      "COPY x TO PROGRAM 'id'",
      "EXPLAIN SELECT 1",
      "'SELECT'",
    ])
      t.equal(kindOf(text), undefined, text);
    const marks = (text: string, dialect: "mysql" | "sqlite" | "postgres") => {
      const statement = parseStatement(text, dialect);
      return statement === undefined ? "" : withQuestionMarks(statement);
    };
    t.equal(
      marks("SELECT '$1', \"$1\", `$1`, $1, $12 -- $1", "mysql"),
      "SELECT '$1', \"$1\", `$1`, ?, $12 -- $1",
    );
    t.equal(marks("SELECT 'it\\'s $1', $1", "mysql"), "SELECT 'it\\'s $1', ?");
    t.equal(marks("SELECT 'a\\', $1", "sqlite"), "SELECT 'a\\', ?");
    t.equal(marks("SELECT 'it''s $1' = $1", "sqlite"), "SELECT 'it''s $1' = ?");
    t.equal(parseStatement("SELECT a ? 'b', $1", "postgres")?.placeholders.length, 1);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."$1?'`/* \n(SELECT)x;-") }), (tail) => {
        const statement = parseStatement(`SELECT ${tail}`, "mysql");
        return statement === undefined || withQuestionMarks(statement).length <= tail.length + 7;
      }),
    );
    const long = `INSERT INTO t VALUES('${"x''".repeat(2_000_000)}')`;
    t.equal(parseStatement(long, "mysql")?.kind, "write", "long texts are read");
  },
);

/** What is wrong with a URL. */
function problemOf(url: string, folder: string): string {
  try {
    return `fine: ${JSON.stringify(readDatabaseUrl(url, folder))}`;
  } catch (error) {
    return error instanceof EdgelessError ? `${error.code} ${error.message}` : String(error);
  }
}

t.test(
  "given URLs, when they are read, then files stay in the folder and secrets out of errors",
  async (t) => {
    const top = t.testdir({ data: { sub: {}, "old.db": "" }, "outside.db": "" });
    const folder = join(top, "data");
    symlinkSync(join(top, "outside.db"), join(folder, "link.db"));
    symlinkSync(top, join(folder, "up"));
    const read = (url: string) => {
      const place = readDatabaseUrl(url, folder);
      return place.dialect === "sqlite" ? place.path.slice(folder.length) : place.server;
    };
    t.equal(read("sqlite://sqlite.db"), "/sqlite.db");
    t.equal(read("sqlite:sub/x.db?mode=rwc"), "/sub/x.db");
    t.equal(read(`sqlite://${folder}/old.db`), "/old.db");
    t.equal(readDatabaseUrl("mariadb://u:secret@h/d", folder).dialect, "mysql");
    t.same(read("mysql://u%40x:p%2Fw@db.example/d%20e"), {
      host: "db.example",
      port: 3306,
      user: "u@x",
      password: "p/w",
      database: "d e",
      tls: "none",
    });
    t.match(read("postgresql://[::1]:6543/d?sslmode=verify-full"), {
      host: "::1",
      port: 6543,
      tls: "verified",
    });
    t.match(read("postgres://h?sslmode=require"), { port: 5432, database: "", tls: "encrypted" });
    for (const url of [
      "sqlite://../outside.db",
      "sqlite:///etc/passwd",
      "sqlite://link.db",
      "sqlite://up/outside.db",
      "sqlite://up/new.db",
      "sqlite://sub/../../x.db",
      "sqlite://missing/x.db",
      "sqlite://sub",
      "sqlite://.",
      "sqlite://",
      "sqlite::memory:",
      "sqlite://a\0b",
      "constructor://x",
      "oracle://u:secret@h/d",
      "postgres://u:secret@",
      "mysql:///d",
      "nonsense secret",
      "postgres://u:secret@%2Fvar%2Frun%2Fpostgresql/d",
      "postgres://u:secret@/d?host=/var/run/postgresql",
      "postgres://u:secret@h/d?sslrootcert=/dev/zero",
      "postgres://u:secret@h/d?sslmode=guess",
      "postgres://u:%E0secret@h/d",
      "mysql://u:secret@h/d?debug=true",
      "mysql://u:secret@h/d?multipleStatements=true",
      "mysql://u:secret@h/d?sslmode=__proto__",
    ])
      t.match(problemOf(url, folder), /^EDGELESS_BAD_RESOURCE_CONFIG (?!.*secret)/, url);
  },
);

/** What every database must do alike. */
async function behaves(t: Test, parts: ReturnType<typeof sqlx>, url: string, hasRowIds: boolean) {
  const { start, call, cast, telemetry, sent, host } = parts;
  const [one, two] = [await start(url, "wf-1"), await start(url, "wf-2")];
  const rowId = (value: number) => (hasRowIds ? value : 0);
  t.equal(
    await call(one, insert('{"foo":1.0,"bar":"it is"}')),
    `rows_affected: 1, last_insert_rowid: ${rowId(1)}.`,
  );
  t.match(
    await call(one, SELECT),
    /^\{"id":"wf-1","metadata":\{"foo": ?1.0, ?"bar": ?"it is"\}\}$|"bar": "it is", "foo": 1.0/,
  );
  t.equal(await call(two, SELECT), "no rows returned by a query that expected to return at least one row");
  t.match(
    await call(one, "UPDATE WorkflowState SET metadata='{\"é\":2}'  WHERE id = $1"),
    /^rows_affected: 1, /,
  );
  t.same(JSON.parse(await call(one, SELECT)), { id: "wf-1", metadata: { é: 2 } });
  t.match(await call(one, "DELETE FROM WorkflowState WHERE id='wf-2'"), /^rows_affected: 0, /);
  t.match(await call(one, insert("{}")), /^error returned from database: .*(unique|duplicate)/i);
  t.match(await call(one, "SELECT nonsense FROM nowhere"), /^error returned from database: /);
  t.match(await call(one, "SELECT id FROM WorkflowState"), /must have two columns/);
  t.equal(
    await call(one, "SELECT 'x', metadata FROM WorkflowState WHERE 1=1"),
    `{"id":"x","metadata":${(await call(one, SELECT)).split('"metadata":')[1]}`,
  );
  t.match(await call(one, "SELECT id, id FROM WorkflowState"), /column 1: it is not a JSON text/);
  const before = { ...telemetry.dropCounts };
  t.equal(await call(one, "DROP TABLE WorkflowState"), "err");
  t.equal(await call(one, "SELECT 1, 2; DELETE FROM WorkflowState"), "err", "one statement at a time");
  const count = sent.length;
  cast(one, "DELETE FROM WorkflowState WHERE id=$1");
  cast(one, insert("{}"));
  cast(one, insert("{}"));
  t.match(await call(one, SELECT), /"metadata":\{\}/);
  t.equal(sent.length, count + 1, "casts have no answer");
  t.equal((telemetry.dropCounts["handler-failed"] ?? 0) - (before["handler-failed"] ?? 0), 3);
  await host.stop(two);
  t.match(await call(one, SELECT), /wf-1/, "the other instance goes on");
  await host.stop(one);
}

t.test("given SQLite", { timeout: 200_000 }, async (t) => {
  t.test("when two workflows use one file, then both work on it", async (t) => {
    const folder = t.testdir();
    const parts = sqlx(folder);
    await behaves(t, parts, "sqlite://sqlite.db", true);
    t.ok(readdirSync(folder).includes("sqlite.db"));
    await parts.host.close();
  });

  t.test("when a statement would reach for other files, then it is refused", async (t) => {
    const folder = t.testdir({ "secret.txt": "hidden" });
    const { host, start, call } = sqlx(folder);
    const id = await start("sqlite://a.db", "wf");
    for (const text of [
      `ATTACH DATABASE '${folder}/b.db' AS b -- SELECT`,
      `SELECT 1; ATTACH DATABASE '${folder}/b.db' AS b`,
      `VACUUM INTO '${folder}/b.db'`,
      `SELECT 'x', load_extension('${folder}/secret.txt')`,
      `SELECT 'x', readfile('${folder}/secret.txt')`,
      `SELECT 'x', writefile('${folder}/b.db', 'x')`,
    ])
      t.equal(await call(id, text), "err", text);
    t.same(readdirSync(folder), ["secret.txt"]);
    await host.close();
  });

  t.test("when a statement never ends, then it is given up and others are not held", async (t) => {
    const { host, start, call, telemetry, logger } = sqlx(t.testdir(), { statementTimeoutMs: 2_000 });
    const ill = await start("sqlite://ill.db", "wf");
    const well = await start("sqlite://well.db", "wf");
    t.match(await call(ill, "DELETE FROM WorkflowState"), /rows_affected: 0/);
    t.match(await call(well, "DELETE FROM WorkflowState"), /rows_affected: 0/);
    const endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT count(*), 1 FROM c";
    const hanging = call(ill, endless);
    const startMs = performance.now();
    t.match(await call(well, insert("{}")), /rows_affected: 1/);
    t.ok(performance.now() - startMs < 1_900, "the other file is not held");
    t.equal(await hanging, "err");
    t.match(logger.lines.join("\n"), /SQLite took longer than 2000 ms/);
    t.equal(telemetry.dropCounts["handler-failed"], 1);
    t.match(await call(ill, insert("{}")), /rows_affected: 1/, "its file can be used again");
    await host.close();
  });

  t.test(
    "when the file is removed or is no database, then it is made anew or the error says so",
    async (t) => {
      const folder = t.testdir({
        gone: {},
        "text.db": "this is no database, it is a text that is long enough\n".repeat(40),
      });
      const { host, start, call, logger, telemetry } = sqlx(folder);
      const id = await start("sqlite://a.db", "wf");
      t.match(await call(id, insert("{}")), /rows_affected: 1/);
      rmSync(join(folder, "a.db"));
      t.match(await call(id, SELECT), /no rows/, "a fresh file");
      t.match(await call(id, insert("{}")), /rows_affected: 1/);
      const bad = await start("sqlite://text.db", "wf");
      t.equal(await call(bad, SELECT), "err");
      t.match(logger.lines.join("\n"), /not a database/);
      const lost = await start("sqlite://gone/b.db", "wf");
      rmSync(join(folder, "gone"), { recursive: true });
      t.equal(await call(lost, SELECT), "err", "no text with a path of the node");
      t.equal(telemetry.dropCounts["handler-failed"], 2);
      await host.close();
    },
  );

  t.test("when the disk is full, then statements fail, are counted, and work again later", async (t) => {
    const disk = mkdtempSync(join(tmpdir(), "edgeless-small-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      rmSync(disk, { recursive: true });
      t.pass("a small disk cannot be mounted here: left out");
      return;
    }
    t.teardown(() => {
      execFileSync("umount", ["-l", disk]);
      rmSync(disk, { recursive: true });
    });
    const { host, start, call, telemetry } = sqlx(disk);
    const id = await start("sqlite://a.db", "wf");
    t.match(await call(id, insert("{}")), /rows_affected: 1/);
    writeFileSync(join(disk, "ballast"), "x".repeat(30_000));
    t.equal(await call(id, insert(JSON.stringify("x".repeat(60_000))).replace("$1", "'big'")), "err");
    t.equal(telemetry.dropCounts["handler-failed"], 1);
    t.match(await call(id, SELECT), /"metadata":\{\}/);
    rmSync(join(disk, "ballast"));
    t.match(await call(id, "UPDATE WorkflowState SET metadata='[1]'"), /rows_affected: 1/);
    await host.close();
  });
});

for (const [kind, reason] of [
  [POSTGRES, NO_POSTGRES],
  [MARIADB, NO_MARIADB],
] as const) {
  t.test(`given a ${kind.name} server`, { skip: reason, timeout: 300_000 }, async (t) => {
    const server = await SqlServer.start(kind);
    t.teardown(() => server.close());

    t.test("when two workflows use one database, then both work on it", async (t) => {
      const parts = sqlx(t.testdir());
      await behaves(t, parts, server.url, false);
      await parts.host.close();
    });

    t.test("when TLS is asked for, then the connection has it, and a stranger is refused", async (t) => {
      const { host, start, call, logger } = sqlx(t.testdir());
      const encrypted =
        kind === POSTGRES
          ? "SELECT 'tls', to_json(ssl)::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
          : "SELECT 'tls', JSON_QUOTE(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_version'";
      const tls = (mode: string) => start(`${server.url}?sslmode=${mode}`, "wf-9");
      t.match(await call(await tls("disable"), encrypted), /"metadata":(false|"")/);
      t.match(await call(await tls("require"), encrypted), /"metadata":(true|"TLS)/);
      t.equal(await call(await tls("verify-full"), encrypted), "err");
      t.match(logger.lines.join("\n"), /certificate/);
      t.notMatch(logger.lines.join("\n"), /secret/);
      await host.close();
    });

    t.test("when it ends and comes back soon, then a read is repeated", async (t) => {
      const { host, start, call, logger } = sqlx(t.testdir());
      const id = await start(server.url, "wf-3");
      t.match(await call(id, insert("[3]")), /rows_affected: 1/);
      await server.kill();
      const reading = call(id, SELECT);
      await server.run();
      t.match(await reading, /^err$|"metadata":\[3\]/, "answered with or without success");
      const isReached = () => logger.lines.some((line) => line.includes("is reached again"));
      await until("an interruption to end", isReached, WAIT_MS);
      t.match(await call(id, SELECT), /"metadata":\[3\]/);
      await host.close();
    });

    t.test("when it answers no more, or too late, then that is given up, and delivery resumes", async (t) => {
      const { hostname, port, href } = new URL(server.url);
      const relay = await TcpRelay.start(`${hostname}:${port}`);
      t.teardown(() => relay.close());
      const url = href.replace(`${hostname}:${port}`, relay.place);
      const limits = { statementTimeoutMs: 500, patienceMs: 300 };
      const { host, start, call, telemetry, logger } = sqlx(t.testdir(), limits);
      const id = await start(url, "wf-5");
      const other = await start(server.url, "wf-6");
      t.match(await call(id, insert("[5]")), /rows_affected: 1/);
      const slow = kind === POSTGRES ? "SELECT pg_sleep(30)::text, '1'" : "SELECT SLEEP(30), '1'";
      t.equal(await call(id, slow), "err");
      t.equal(await call(id, SELECT).then(() => call(id, SELECT)), '{"id":"wf-5","metadata":[5]}');
      relay.freeze();
      const hanging = call(id, SELECT);
      t.match(await call(other, SELECT), /no rows/, "another instance does not wait");
      t.equal(await hanging, "err");
      t.equal(telemetry.dropCounts["handler-failed"], 2);
      relay.thaw();
      relay.cut();
      const isBack = async () => (await call(id, SELECT)).includes("[5]");
      await eventually("an answer", isBack, WAIT_MS);
      t.match(logger.lines.join("\n"), /is interrupted/);
      await host.close();
    });

    t.test("when it is killed under load, then each event is accounted for", async (t) => {
      const { host, start, call, cast, telemetry, logger } = sqlx(t.testdir(), { patienceMs: 300 });
      const id = await start(server.url, "wf-4");
      t.match(await call(id, insert("0")), /rows_affected: 1/);
      const update = (value: number) => `UPDATE WorkflowState SET metadata='${value}' WHERE id=$1`;
      let [casts, running] = [0, true];
      const reads: Promise<string>[] = [];
      const load = (async () => {
        while (running) {
          for (let i = 0; i < 5; i++) cast(id, update(++casts));
          reads.push(call(id, SELECT));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })();
      await until("a success", () => telemetry.executions.length > 20, WAIT_MS);
      await server.kill();
      await until("losses", () => (telemetry.dropCounts["handler-failed"] ?? 0) > 20, WAIT_MS);
      await server.run();
      const lost = telemetry.dropCounts["handler-failed"] ?? 0;
      const successes = () => telemetry.executions.length - (telemetry.dropCounts["handler-failed"] ?? 0);
      const before = telemetry.executions.length - lost;
      await until("successes again", () => successes() > before + 20, WAIT_MS);
      running = false;
      await load;
      const values = (await Promise.all(reads)).flatMap((text) => {
        const [, value] = /"metadata":(\d+)/.exec(text) ?? [];
        return value === undefined ? [] : [Number(value)];
      });
      t.same(
        values,
        values.toSorted((a, b) => a - b),
        "what was given up was not executed later",
      );
      t.match(await call(id, update(-1)), /rows_affected: 1/);
      t.match(await call(id, SELECT), /"metadata":-1/);
      const handled = telemetry.executions.length + (telemetry.dropCounts["mailbox-full"] ?? 0);
      t.equal(handled, casts + reads.length + 3);
      t.notMatch(logger.lines.join("\n"), /secret/);
      await host.close();
    });
  });
}

t.test("given a server that is not there, then the start succeeds and calls fail in time", async (t) => {
  const [port = 0] = await freePorts(1);
  const { host, start, call } = sqlx(t.testdir(), { patienceMs: 300 });
  for (const scheme of ["postgres", "mysql"]) {
    const id = await start(`${scheme}://u:secret@127.0.0.1:${port}/d`, "wf");
    t.equal(await call(id, SELECT), "err");
  }
  const none = await host.start({ classType: "sqlx", configuration: new Map(), workflowId: "" });
  t.match(none, { error: { detail: "One of the fields 'url' is missing" } });
  await host.close();
});
