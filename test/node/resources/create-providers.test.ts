import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import t from "tap";
import { createProviders, type ProviderEnvironment } from "../../../node/resources/create-providers.js";
import { HttpIngressProvider } from "../../../node/resources/http-ingress/http-ingress-provider.js";
import { resourceCatalogue } from "../../../node/resources/resource-catalogue.js";
import { resourceSettingsSchema } from "../../../node/resources/resource-settings.js";
import { listenHttp } from "../../../platform/listen-http.js";
import { systemClock } from "../../../platform/system-clock.js";
import { ROOT } from "../../kit/repository.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { eventFor, hostOf, keepingLogger, started } from "../kit/resource-fixture.js";

function environment(
  workingFolder = ".",
): ProviderEnvironment & { logger: ReturnType<typeof keepingLogger> } {
  const random = seededRandom(1);
  return { clock: systemClock, random, logger: keepingLogger(), hostname: "box", workingFolder };
}

/** The table of the Rust node's template. */
const TEMPLATE = {
  prepend_hostname: true,
  http_ingress_url: "http://127.0.0.1:0",
  http_ingress_provider: "http-ingress-1",
  http_egress_provider: "http-egress-1",
  http_poster_provider: "http-poster-1",
  file_log_provider: "file-log-1",
  redis_provider: "redis-1",
  dda_provider: "dda-1",
  kafka_egress_provider: "",
  sqlx_provider: "sqlx-1",
  file_pusher_provider: { directory: "", provider: "" },
  ollama_provider: { host: "localhost", port: 11434, messages_number_limit: 30, provider: "" },
  serverless_provider: [{ class_type: "", version: "", function_url: "", provider: "" }],
};

t.test("given the settings of a Rust node, when providers are made, then none is missing", async (t) => {
  const env = environment(t.testdir());
  const providers = await createProviders(resourceSettingsSchema.parse(TEMPLATE), env);
  t.same(
    providers.map(({ providerId, resourceClass }) => `${providerId} ${resourceClass.classType}`).sort(),
    [
      "box-dda-1 dda",
      "box-file-log-1 file-log",
      "box-http-egress-1 http-egress",
      "box-http-ingress-1 http-ingress",
      "box-http-poster-1 http-poster",
      "box-redis-1 redis",
      "box-sqlx-1 sqlx",
    ],
  );
  const warnings = env.logger.lines.filter((line) => line.startsWith("warn"));
  t.same(warnings, []);
  t.match(env.logger.lines.at(-1), /http-ingress listens on http:\/\/127\.0\.0\.1:[1-9]/);
  const { host } = hostOf(providers);
  const id = await started(host, "file-log", { filename: "here.log" });
  host.deliver(eventFor(id, { type: "cast", payload: "x" }));
  await host.stop(id);
  t.ok(existsSync(join(env.workingFolder, "here.log")), "names start from the working folder");
  await host.close();
});

t.test("given every kind with all it needs, when providers are made, then each is there", async (t) => {
  const env = environment(t.testdir({ files: { a: "A" } }));
  const one = {
    class_type: "double",
    version: "0.3",
    function_url: "http://u:secret@127.0.0.1:1/f",
    provider: "d-1",
  };
  const settings = resourceSettingsSchema.parse({
    prepend_hostname: true,
    file_pusher_provider: { directory: "files", provider: "file-pusher-1" },
    kafka_egress_provider: "kafka-1",
    ollama_provider: { ...TEMPLATE.ollama_provider, provider: "ollama-1" },
    serverless_provider: [
      one,
      { ...one, class_type: "triple", provider: "d-2" },
      { ...one, function_url: "ftp://x", provider: "d-3" },
      { ...one, class_type: "", provider: "d-4" },
      { ...one, provider: "" },
    ],
  });
  const providers = await createProviders(settings, env);
  t.same(
    providers.map(({ providerId, resourceClass }) => `${providerId} ${resourceClass.classType}`),
    [
      "box-file-pusher-1 file-pusher",
      "box-d-1 double",
      "box-d-2 triple",
      "box-ollama-1 ollama",
      "box-kafka-1 kafka-egress",
    ],
  );
  t.equal(providers[1]?.resourceClass.version, "0.3");
  t.match(env.logger.lines, [/^warn serverless provider d-3 is left out/, /^warn serverless provider d-4/]);
  t.notMatch(env.logger.lines.join(), /secret/);
  const bare = { prepend_hostname: false, file_pusher_provider: { directory: "", provider: "x" } };
  t.same(await createProviders(resourceSettingsSchema.parse(bare), env), [], "a directory is needed");
});

t.test("given empty or missing names, when providers are made, then there are none", async (t) => {
  const none = resourceSettingsSchema.parse({ prepend_hostname: false, file_log_provider: "" });
  t.same(await createProviders(none, environment()), []);
  const nameOnly = { prepend_hostname: false, http_ingress_provider: "x", file_log_provider: "f" };
  const providers = await createProviders(resourceSettingsSchema.parse(nameOnly), environment());
  t.same(
    providers.map(({ providerId }) => providerId),
    ["f"],
  );
  t.throws(() => resourceSettingsSchema.parse({}), /prepend_hostname/);
});

t.test("given a taken port, when providers are made, then it fails with the code", async (t) => {
  const server = createServer();
  const { port } = await listenHttp(server, { scheme: "http", host: "127.0.0.1", port: 0 }, "test");
  const settings = { ...TEMPLATE, http_ingress_url: `http://127.0.0.1:${port}` };
  await t.rejects(createProviders(settings, environment()), { code: "EDGELESS_PORT_IN_USE" });
  server.close();
});

t.test("given the catalogue, when it is compared with the providers, then each class is in it", async (t) => {
  const providers = await createProviders(resourceSettingsSchema.parse(TEMPLATE), environment());
  t.same(
    resourceCatalogue.map(({ classType, version, outputs }) => `${classType} ${version} [${outputs.join()}]`),
    [
      "dda 1.1 [out]",
      "file-log 1.1 []",
      "file-pusher 1.0 [out]",
      "http-egress 1.1 []",
      "http-ingress 2.1 [new_request]",
      "http-poster 1.0 []",
      "kafka-egress 1.1 []",
      "ollama 1.1 [out]",
      "redis 1.2 []",
      "serverless as configured [err,out]",
      "sqlx 1.1 []",
    ],
  );
  for (const { resourceClass } of providers) t.ok(resourceCatalogue.includes(resourceClass));
  for (const { description, configurations } of resourceCatalogue) {
    t.match(description, /\.$/);
    for (const [key, meaning] of configurations) t.ok(meaning.length > 10, key);
  }
  for (const provider of providers) await provider.close();
  t.ok(providers.some((provider) => provider instanceof HttpIngressProvider));
});

t.test("given the catalogue, when the documentation is read, then each class has its page", async (t) => {
  for (const { classType, version, configurations, outputs } of resourceCatalogue) {
    const page = readFileSync(join(ROOT, "docs", "resources", `${classType}.md`), "utf8");
    t.match(page, `# ${classType}\n`);
    t.match(page, `Version ${version}`);
    for (const name of [...configurations.keys(), ...outputs]) t.match(page, `\`${name}\``, classType);
    for (const example of page.matchAll(/```json\n([\s\S]*?)```/g)) {
      const [text = ""] = example.slice(1);
      for (const json of text.startsWith("{ ") ? [text] : text.trim().split("\n")) t.ok(JSON.parse(json));
    }
  }
});
