import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { NIL_UUID } from "../../core/uuid.js";
import { connectWorkflow, readTls, startServer, type Tls, workflowService } from "../../grpc-api/index.js";
import { makeAuthority } from "../kit/authorities.js";

const folder = mkdtempSync(join(tmpdir(), "edgeless-tls-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a TLS configuration and reads it. */
function configure(text: string): Tls {
  const path = join(folder, "tls_config.toml");
  writeFileSync(path, text);
  return readTls(path);
}

const file = (name: string) => join(folder, name);
writeFileSync(file("x.pem"), "X");
writeFileSync(file("y.pem"), "Y");

t.test("given no file or an empty one, when read, then nothing is encrypted", async (t) => {
  t.strictSame(readTls(file("absent.toml")), {});
  t.strictSame(configure(""), {});
  t.strictSame(configure("[server]\nunknown = 1\n[client]\ndomain_name = 'd'"), {});
});

t.test("given all keys, when read, then the files are loaded", async (t) => {
  const tls = configure(`
    [server]
    server_cert_path = "${file("x.pem")}"
    server_key_path = "${file("y.pem")}"
    server_ca_path = "${file("x.pem")}"
    [client]
    client_ca_path = "${file("y.pem")}"
    client_cert_path = "${file("x.pem")}"
    client_key_path = "${file("y.pem")}"
    domain_name = "edge.example"`);
  t.strictSame(tls, {
    server: { certificate: "X", key: "Y", clientCa: "X" },
    client: { serverCa: "Y", serverName: "edge.example", identity: { certificate: "X", key: "Y" } },
  });
});

t.test("given no table for clients, when read, then the server's or the top level serves", async (t) => {
  const line = `client_ca_path = "${file("y.pem")}"`;
  const expected = { serverCa: "Y", serverName: "www.example.com" };
  t.strictSame(configure(`[server]\n${line}`).client, expected);
  t.strictSame(configure(line).client, expected);
  t.strictSame(configure(`${line}\n[client]`).client, undefined);
});

t.test("given a configuration that cannot work, when read, then the key is named", async (t) => {
  const refused = (text: string, code: string, message: RegExp) =>
    t.throws(() => configure(text), { code, message });
  refused("[server", "EDGELESS_BAD_CONFIG", /not TOML/);
  refused("server = 1", "EDGELESS_BAD_CONFIG", /server is not a table/);
  refused("[client]\nclient_ca_path = ''", "EDGELESS_BAD_CONFIG", /client_ca_path must be a text/);
  refused("[client]\nclient_ca_path = 5", "EDGELESS_BAD_CONFIG", /client_ca_path must be a text/);
  refused("[client]\ntpm_handle = '0x81'", "EDGELESS_BAD_CONFIG", /tpm_handle is not supported/);
  refused(`[client]\nclient_ca_path = "${file("no.pem")}"`, "EDGELESS_FILE_UNREADABLE", /client_ca_path/);
  const x = `"${file("x.pem")}"`;
  refused(`[server]\nserver_cert_path = ${x}`, "EDGELESS_BAD_CONFIG", /server_key_path is missing/);
  refused(`[server]\nserver_key_path = ${x}`, "EDGELESS_BAD_CONFIG", /server_cert_path is missing/);
  refused(`[client]\nclient_cert_path = ${x}`, "EDGELESS_BAD_CONFIG", /client_ca_path is missing/);
  const ca = `[client]\nclient_ca_path = ${x}`;
  refused(`${ca}\nclient_cert_path = ${x}`, "EDGELESS_BAD_CONFIG", /client_key_path is missing/);
  refused(`${ca}\nclient_key_path = ${x}`, "EDGELESS_BAD_CONFIG", /client_cert_path is missing/);
});

const ready =
  makeAuthority(folder, "good", "edge.example") && makeAuthority(folder, "other", "other.example");
const skip = ready ? false : "openssl is not installed";

/** Calls a server with one configuration from a client with another. */
async function call(server: string, client: string): Promise<unknown> {
  const tls = configure(`[server]\n${server}\n[client]\n${client}`);
  const service = workflowService({
    start: async () => ({ ok: false, error: { summary: "" } }),
    stop: async () => {},
    list: async () => [NIL_UUID],
    inspect: () => Promise.reject(new Error("unused")),
    domains: async () => new Map(),
    migrate: async () => ({ ok: false, error: { summary: "" } }),
  });
  const running = await startServer("https://127.0.0.1:0", [service], tls.server ? { tls: tls.server } : {});
  const options = { deadlineMs: 5000, ...(tls.client && { tls: tls.client }) };
  const connection = connectWorkflow(running.url, options);
  try {
    return await connection.list();
  } catch (error) {
    return error;
  } finally {
    connection.close();
    await running.close();
  }
}

const path = (key: string, name: string) => `${key} = "${file(name)}"`;
const SERVER = [path("server_cert_path", "good.pem"), path("server_key_path", "good.key")].join("\n");
const CLIENT = [path("client_ca_path", "good-ca.pem"), `domain_name = "edge.example"`].join("\n");
const identity = (name: string) =>
  [path("client_cert_path", `${name}.pem`), path("client_key_path", `${name}.key`)].join("\n");

t.test(
  "given certificates of one authority, when called, then the call is encrypted",
  { skip },
  async (t) => {
    t.strictSame(await call(SERVER, CLIENT), [NIL_UUID]);
  },
);

t.test(
  "given another name, another authority or no TLS, when called, then the call fails",
  { skip },
  async (t) => {
    const wrongName = CLIENT.replace("edge.example", "wrong.example");
    const wrongCa = CLIENT.replace("good-ca.pem", "other-ca.pem");
    t.match(await call(SERVER, wrongName), { code: "EDGELESS_UNREACHABLE" });
    t.match(await call(SERVER, wrongCa), { code: "EDGELESS_UNREACHABLE" });
    t.match(await call("", CLIENT), { code: "EDGELESS_UNREACHABLE" });
  },
);

t.test(
  "given a server that asks for a certificate, when called, then only its own get in",
  { skip },
  async (t) => {
    const server = [SERVER, path("server_ca_path", "good-ca.pem")].join("\n");
    t.strictSame(await call(server, [CLIENT, identity("good")].join("\n")), [NIL_UUID]);
    t.match(await call(server, [CLIENT, identity("other")].join("\n")), { code: "EDGELESS_UNREACHABLE" });
    t.match(await call(server, CLIENT), { code: "EDGELESS_UNREACHABLE" });
  },
);
