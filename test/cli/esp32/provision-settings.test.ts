import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import {
  chooseSettings,
  type SettingsOptions,
  type SettingsSources,
} from "../../../cli/esp32/provision-settings.js";
import type { Questions } from "../../../cli/esp32/questions.js";
import { createProgram } from "../../../cli/program.js";
import type { BoardSettings } from "../../../esp32/board-settings.js";
import { seededRandom } from "../../kit/seeded-random.js";

const folder = mkdtempSync(join(tmpdir(), "edgeless-settings-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const ESP32 = { version: "2v29", board: "ESP32" };
const C3 = { version: "2v29", board: "ESP32C3" };

/** A person with prepared answers. */
function person(answers: Readonly<Record<string, string>>): Questions & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = async (question: string, suggested = "") => {
    asked.push(question);
    return answers[question] ?? suggested;
  };
  return { asked, ask: answer, askHidden: answer };
}

function choose(
  options: SettingsOptions,
  previous?: BoardSettings,
  sources: Partial<SettingsSources> = {},
  board = ESP32,
): Promise<BoardSettings> {
  return chooseSettings(options, board, previous, {
    random: seededRandom(1),
    questions: undefined,
    addresses: ["192.168.1.2"],
    wifiPassword: undefined,
    note: () => {},
    ...sources,
  });
}

const GIVEN = { wifi: ["home"], gateway: "10.0.0.1", name: "porch" };
const PASSWORD = { wifiPassword: "secret-secret" };

t.test("given everything on the command line, when settings are chosen, then nothing is asked", async (t) => {
  const questions = person({});
  const settings = await choose(
    {
      ...GIVEN,
      gateway: "10.0.0.1:6000",
      label: ["indoor"],
      lifetime: "120",
      provider: ["scd30-sensor", "gpio-out=lamp", "scd30-sensor=cellar,sda=D4,bitrate=50000"],
      ble: true,
    },
    undefined,
    { ...PASSWORD, questions },
  );
  t.same(questions.asked, []);
  t.match(settings, {
    name: "porch",
    wifi: [{ ssid: "home", password: "secret-secret" }],
    gateway: { address: "10.0.0.1", port: 6000 },
    labels: ["indoor"],
    lifetimeSeconds: 120,
    led: "D2",
    ble: true,
  });
  t.same(settings.providers, [
    { class: "scd30-sensor", id: "scd30-1", sda: "D21", scl: "D22" },
    { class: "gpio-out", id: "lamp" },
    { class: "scd30-sensor", id: "cellar", sda: "D4", scl: "D22", bitrate: 50_000 },
  ]);
});

t.test("given a person, when settings are chosen, then what was not said is asked", async (t) => {
  const questions = person({ "Wi-Fi network": "home", "Password of home": "secret-secret" });
  const settings = await choose({}, undefined, { questions });
  t.same(questions.asked, [
    "Name of the board",
    "Wi-Fi network",
    "Password of home",
    "Address of the gateway",
  ]);
  t.match(settings.name, /^board-[0-9a-f]{4}$/);
  t.same(settings.wifi, [{ ssid: "home", password: "secret-secret" }]);
  t.same(settings.gateway, { address: "192.168.1.2", port: 5683 }, "this machine is suggested");
});

t.test("given a board that had settings, when some change, then the others and its id stay", async (t) => {
  const before = await choose({ ...GIVEN, provider: ["gpio-in"], led: "none" }, undefined, PASSWORD);
  t.equal(before.led, undefined);
  const after = await choose({ gateway: "10.0.0.2" }, before);
  t.same(after, { ...before, gateway: { address: "10.0.0.2", port: 5683 } });
  const again = await choose({ wifi: ["home"] }, before);
  t.same(again.wifi, before.wifi, "a known network keeps its password");
  const other = await choose({ newId: true }, before, { random: seededRandom(2) });
  t.not(other.node, before.node);
  t.same((await choose({ wifi: false }, before)).wifi, []);
});

t.test("given a kind of board, when settings are chosen, then its pins are taken", async (t) => {
  const options = { ...GIVEN, provider: ["scd30-sensor"] };
  t.match(await choose(options, undefined, PASSWORD, C3), { providers: [{ sda: "D5", scl: "D6" }] });
  t.match(await choose({ ...options, boardProfile: "esp32-s3" }, undefined, PASSWORD), {
    providers: [{ sda: "D8", scl: "D9" }],
  });
});

t.test("given files, when settings are chosen, then they are read and checked", async (t) => {
  const networks = join(folder, "wifi.json");
  const providers = join(folder, "providers.json");
  writeFileSync(networks, '[{"ssid": "a", "password": ""}, {"ssid": "b", "password": "12345678"}]');
  writeFileSync(providers, '[{"class": "adc", "id": "light"}]');
  const settings = await choose({ gateway: "10.0.0.1", wifiFile: networks, providers });
  t.equal(settings.wifi.length, 2);
  t.same(settings.providers, [{ class: "adc", id: "light" }]);
  writeFileSync(networks, '[{"ssid": "a",\n"password": "topsecret\u0000", "x": 1}]');
  await t.rejects(choose({ gateway: "10.0.0.1", wifiFile: networks }), { code: "EDGELESS_BAD_CONFIG" });
  writeFileSync(providers, '[{"class": "scd30-sensor", "id": "a", "sda": "21"}]');
  await t.rejects(choose({ gateway: "10.0.0.1", wifi: false, providers }), {
    code: "EDGELESS_BAD_CONFIG",
    message: /providers\.json:1: \[0\]\.sda: .*D21/,
  });
});

const WRONG: Record<string, [SettingsOptions, RegExp, string?]> = {
  "without a network": [{ gateway: "10.0.0.1" }, /--wifi/],
  "without a password": [{ gateway: "10.0.0.1", wifi: ["home"] }, /EDGELESS_WIFI_PASSWORD/],
  "without a gateway": [{ wifi: false }, /--gateway/],
  "with an unknown board": [{ ...GIVEN, boardProfile: "pico" }, /esp32-devkit, esp32-c3/],
  "with a gateway that is an address of the web": [
    { wifi: false, gateway: "http://10.0.0.1" },
    /HOST\[:PORT\]/,
  ],
  "with a gateway without IPv4": [{ wifi: false, gateway: "[::1]:5683" }, /an IPv4 address or a name/],
  "with a network without a name": [{ wifi: [""], gateway: "10.0.0.1" }, /a network has a name/, "password"],
  "with a name too long": [{ wifi: false, gateway: "10.0.0.1", name: "n".repeat(65) }, /name: 64 characters/],
  "with a password too long": [{ ...GIVEN }, /8 to 63 bytes/, "é".repeat(32)],
  "with a password too short": [{ ...GIVEN }, /8 to 63 bytes/, "1234567"],
  "with an unknown resource": [
    { wifi: false, gateway: "10.0.0.1", provider: ["laser"] },
    /no class "laser"; there are adc, gpio-in/,
  ],
  "with a wrong pin": [{ wifi: false, gateway: "10.0.0.1", provider: ["i2c-sensor,sda=21"] }, /D21/],
  "with half a pair": [{ wifi: false, gateway: "10.0.0.1", provider: ["adc,x"] }, /KEY=VALUE/],
  "with a port that is none": [{ wifi: false, gateway: "10.0.0.1:99999" }, /99999/],
  "with a wrong lifetime": [{ wifi: false, gateway: "10.0.0.1", lifetime: "1" }, /--lifetime/],
  "with a light that is none": [{ wifi: false, gateway: "10.0.0.1", led: "red" }, /led/],
};

for (const [what, [options, message, wifiPassword]] of Object.entries(WRONG)) {
  t.test(`given settings ${what}, when chosen with nobody to ask, then the error says so`, async (t) => {
    await t.rejects(choose(options, undefined, { wifiPassword }), { message });
  });
}

t.test("given a password that is too short, when it is refused, then it is not printed", async (t) => {
  const refused = await choose(GIVEN, undefined, { wifiPassword: "hush" }).catch((error: Error) => error);
  t.match(refused, { message: /password/i });
  t.notMatch(String(refused), /hush/);
});

t.test(
  "given the gateway of this computer itself, when chosen, then a person is told what a board makes of it",
  async (t) => {
    const notes: string[] = [];
    const options = { gateway: "127.0.0.1", wifi: false } as const;
    const settings = await choose(options, undefined, { note: (text) => notes.push(text) });
    t.equal(settings.gateway.address, "127.0.0.1");
    t.match(notes, [/127\.0\.0\.1 is the board itself/]);
    await choose({ ...options, gateway: "10.0.0.1" }, undefined, { note: (text) => notes.push(text) });
    t.equal(notes.length, 1);
  },
);

t.test(
  "given a board whose Bluetooth nobody mentions, when provisioned, then it stays as it is",
  async (t) => {
    const provision = createProgram()
      .commands.find((command) => command.name() === "esp32")
      ?.commands.find((command) => command.name() === "provision");
    t.equal(provision?.getOptionValue("ble"), undefined);
    t.equal(provision?.getOptionValue("telnet"), undefined);
    t.equal(provision?.getOptionValue("wifi"), undefined);
  },
);
