import t from "tap";
import type { LogFields } from "../../../core/log.js";
import { createProviders } from "../../../node/resources/create-providers.js";
import { resourceSettingsSchema } from "../../../node/resources/resource-settings.js";
import { systemClock } from "../../../platform/system-clock.js";
import { freePorts } from "../../kit/free-ports.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { hostOf } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

t.setTimeout(120_000);

/** Occurs in every URL of this test, as its password and in its query. */
const SECRET = "hunter2";

/** Instances whose servers are not there, whose URLs are wrong, and whose messages are. */
function instances(place: string): readonly (readonly [string, Readonly<Record<string, string>>, string])[] {
  const user = `u:${SECRET}@${place}`;
  const query = `?token=${SECRET}`;
  const mappings = { dda_com_subscription_mapping: "[]", dda_com_publication_mapping: "[]" };
  return [
    ["http-poster", { url: `http://${user}/path${query}#${SECRET}` }, "x"],
    ["http-poster", { url: `ftp://${user}/` }, "x"],
    ["http-poster", { url: `${SECRET} is no URL` }, "x"],
    ["http-egress", {}, request(user, `/path${query}`)],
    ["http-egress", {}, request(`${user}:99999999`, `/path${query}`)],
    ["http-egress", {}, request(place, `/${query}`, { authorization: `Basic ${SECRET}\n` })],
    ["redis", { url: `redis://${user}/` }, "x"],
    ["redis", { url: `http://${user}/` }, "x"],
    ["sqlx", { url: `postgres://${user}/d` }, "SELECT 1, 2"],
    ["sqlx", { url: `mysql://${user}/d` }, "SELECT 1, 2"],
    ["sqlx", { url: `mysql://${user}/d${query}` }, "SELECT 1, 2"],
    ["sqlx", { url: `oracle://${user}/d` }, "SELECT 1, 2"],
    ["kafka-egress", { brokers: user, topic: "t" }, "x"],
    ["dda", { dda_url: `http://${user}`, ...mappings }, "x"],
    ["dda", { dda_url: "http://127.0.0.1:1", ...mappings, dda_com_publication_mapping: SECRET }, "x"],
    ["double", {}, "x"],
    ["ollama", { model: "m" }, "x"],
  ];
}

function request(host: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ method: "Get", protocol: "HTTP", host, path, headers });
}

t.test(
  "given passwords in URLs, when everything fails, then no log line, error or event has one",
  async (t) => {
    const [port = 0] = await freePorts(1);
    const place = `127.0.0.1:${port}`;
    const lines: string[] = [];
    const keep = (message: string, fields?: LogFields) => {
      lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
    };
    const logger = { error: keep, warn: keep, info: keep, debug: keep, trace: keep };
    const settings = resourceSettingsSchema.parse({
      prepend_hostname: false,
      http_egress_provider: "a",
      http_poster_provider: "b",
      redis_provider: "c",
      dda_provider: "d",
      kafka_egress_provider: "e",
      sqlx_provider: "f",
      sqlx_folder: t.testdir(),
      ollama_provider: {
        host: `http://u:${SECRET}@127.0.0.1`,
        port,
        messages_number_limit: 1,
        provider: "g",
      },
      serverless_provider: [
        {
          class_type: "double",
          version: "1",
          function_url: `http://u:${SECRET}@${place}/f?k=${SECRET}`,
          provider: "h",
        },
        { class_type: "bad", version: "1", function_url: `ftp://u:${SECRET}@${place}/f`, provider: "i" },
      ],
    });
    const clock = systemClock;
    const environment = {
      clock,
      random: seededRandom(1),
      logger,
      hostname: "box",
      workingFolder: t.testdir(),
    };
    const providers = await createProviders(settings, environment);
    const parts = talking(hostOf(providers, { logger }));
    const { host, sent, call, cast } = parts;
    const texts: string[] = [];
    let startedCount = 0;
    await Promise.all(
      instances(place).map(async ([classType, configuration, payload]) => {
        const started = await host.start({
          classType,
          configuration: new Map(Object.entries(configuration)),
          workflowId: "wf",
        });
        if (!started.ok) {
          texts.push(`${started.error.summary} ${started.error.detail}`);
          return;
        }
        startedCount++;
        const outputs = new Map(["err", "out"].map((name) => [name, started.value]));
        host.patch({ source: started.value.functionId, outputs });
        cast(started.value, payload);
        t.same(
          await call(started.value, payload),
          { type: "err" },
          `${classType} ${Object.keys(configuration)}`,
        );
      }),
    );
    t.equal(startedCount, 8);
    t.equal(texts.length, 9);
    texts.push(...lines, JSON.stringify(host.statuses()), JSON.stringify(host.providers));
    texts.push(...sent.map(({ data }) => ("payload" in data && data.type !== "call" ? data.payload : "")));
    for (const text of texts) t.notMatch(text, SECRET);
    t.ok(texts.length > 20, "there is something to look at");
    await host.close();

    const bad = {
      ...settings,
      ollama_provider: { host: `${SECRET} x`, port, messages_number_limit: 1, provider: "g" },
    };
    await t.rejects(createProviders(bad, environment), {
      code: "EDGELESS_BAD_URL",
      message: /^(?!.*hunter2)/,
    });
  },
);
