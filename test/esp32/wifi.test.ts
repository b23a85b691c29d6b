import { createContext, runInContext } from "node:vm";
import t from "tap";
import { BOOT, firmwareFiles } from "../../esp32/bundle/firmware-files.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { openUdpSocket } from "../../platform/udp-socket.js";
import { rigFor } from "../gateway/kit/gateway-steps.js";
import { boardScript } from "../kit/board-script.js";
import { EspruinoBoard, NO_ESPRUINO } from "../kit/espruino-board.js";
import { eventually } from "../kit/eventually.js";
import { FakeClock } from "../kit/fake-clock.js";
import { freePorts } from "../kit/free-ports.js";
import { ROOT } from "../kit/repository.js";
import { ScriptedWifi, type WifiVersion } from "../kit/scripted-wifi.js";
import { uuid } from "../node/kit/events.js";

t.setTimeout(180_000);

const script = await boardScript(`
import { keepWifi } from "./esp32/firmware/keep-wifi.js";
import { showState } from "./esp32/firmware/state-light.js";
import { boardSocket } from "./esp32/firmware/board-socket.js";
parts = { keepWifi: keepWifi, showState: showState, boardSocket: boardSocket };
`);

interface Watcher {
  connected(address: string): void;
  disconnected(): void;
  stuck(): void;
  log(level: number, text: string): void;
}

interface Parts {
  keepWifi(networks: readonly unknown[], name: string, watcher: Watcher): void;
  showState(pin: string, isOnline: () => boolean, isRegistered: () => boolean): void;
  boardSocket(port: number): {
    send(datagram: Uint8Array, address: string, port: number): void;
    onDatagram(handler: (datagram: Uint8Array, address: string, port: number) => void): void;
    setOnline(ready: (() => void) | undefined): void;
  };
}

/** A socket of the interpreter. */
class ScriptedSocket {
  readonly sent: string[] = [];
  readonly handlers = new Map<string, (...values: unknown[]) => void>();
  isClosed = false;
  readonly bound: number[] = [];

  on(event: string, handler: (...values: unknown[]) => void): void {
    this.handlers.set(event, handler);
  }

  bind(port: number): void {
    if (port === 1) throw new Error("Unable to create socket");
    this.bound.push(port);
  }

  send(text: string, port: number, address: string): void {
    this.sent.push(`${text} to ${address}:${port}`);
  }

  /** The interpreter has it in two lists, and says for each that it is closed. */
  close(): void {
    this.isClosed = true;
    for (let list = 0; list < 2; list++) this.handlers.get("close")?.();
  }
}

/** A board and its Wi-Fi. */
class World {
  readonly clock = new FakeClock();
  readonly wifi: ScriptedWifi;
  readonly sockets: ScriptedSocket[] = [];
  readonly erased: string[] = [];
  /** Levels of the light, with their time. */
  readonly light: string[] = [];
  /** What the keeper told, and its log. */
  readonly told: string[] = [];
  readonly log: string[] = [];
  readonly parts: Parts;

  constructor(version: WifiVersion = "2v29", hasWifi = true) {
    const timers = new NumberedTimers(this.clock);
    this.wifi = new ScriptedWifi(this.clock, version);
    const world = createContext({
      parts: undefined,
      global: {},
      Pin: (name: string) => (name === "D2" ? 2 : undefined),
      pinMode: () => {},
      digitalWrite: (_pin: number, level: number) => this.light.push(`${level}@${this.clock.monotonicMs()}`),
      setTimeout: (work: () => void, delayMs: number) => timers.set(delayMs, work),
      clearTimeout: (timer: number) => timers.clear(timer),
      E: {
        toString: (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1"),
        toUint8Array: Buffer.from,
      },
      require: (name: string) => {
        if (name === "Storage") return { erase: (file: string) => this.erased.push(file) };
        if (name === "Wifi" && hasWifi) return this.wifi.module;
        if (name !== "dgram") throw new Error(`Module ${name} not found`);
        return { createSocket: () => this.#socket() };
      },
    });
    runInContext(script, world);
    this.parts = runInContext("parts", world);
  }

  keep(networks: readonly unknown[], name = "porch"): this {
    this.parts.keepWifi(networks, name, {
      connected: (address) => this.told.push(`connected ${address}`),
      disconnected: () => this.told.push("disconnected"),
      stuck: () => this.told.push("stuck"),
      log: (level, text) => this.log.push(`${level} ${text}`),
    });
    return this;
  }

  /** Seconds at which networks were tried. */
  get tries(): string[] {
    return this.wifi.tried.map(({ ssid, atMs }) => `${ssid}@${Math.round(atMs / 1000)}`);
  }

  #socket(): ScriptedSocket {
    const socket = new ScriptedSocket();
    this.sockets.push(socket);
    return socket;
  }
}

const HOME = { ssid: "home", password: "secret-1" };
const CELLAR = { ssid: "cellar", password: "secret-2" };

for (const version of ["2v27", "2v29"] as const) {
  t.test(
    `given the Wi-Fi of ${version} and several networks, when one after the other fails, then each is tried, and it is said why`,
    async (t) => {
      const world = new World(version);
      world.wifi.air.set("cellar", { password: "other", address: "10.0.0.9" });
      world.keep([HOME, CELLAR]);
      t.same(world.erased, [".wificfg"]);
      t.same(world.wifi.calls, ["stopAP", "setHostname porch"]);
      await world.clock.advance(25_000);
      t.match(world.log, [
        "2 network home: NO_AP_FOUND, again in 1 s",
        "2 network cellar: 4WAY_HANDSHAKE_TIMEOUT, again in 1 s",
      ]);
      world.wifi.air.set("home", { password: HOME.password, address: "10.0.0.7" });
      await world.clock.advance(60_000);
      t.equal(world.log.at(-1), "3 in network home as 10.0.0.7");
      t.same(world.told, ["connected 10.0.0.7"], "once, though a call and an event tell");
      t.notMatch(world.log.join(), /secret/);
      const { length } = world.tries;
      await world.clock.advance(3_600_000);
      t.equal(world.tries.length, length, "then nothing more is tried");
    },
  );

  t.test(
    `given the Wi-Fi of ${version} and a network that goes away, when it is back, then the board is in it again`,
    async (t) => {
      const world = new World(version);
      const point = { password: HOME.password, address: "10.0.0.7" };
      world.wifi.air.set("home", point);
      world.keep([CELLAR, HOME]);
      await world.clock.advance(60_000);
      t.same(world.told, ["connected 10.0.0.7"]);
      world.wifi.air.delete("home");
      const tries = world.tries.length;
      world.wifi.lose("BEACON_TIMEOUT");
      await world.clock.advance(20_000);
      t.same(world.told, ["connected 10.0.0.7", "disconnected"]);
      t.match(world.log.join("\n"), /2 network lost: (BEACON_TIMEOUT|NO_AP_FOUND)/);
      t.match(world.tries[tries], /^home/, "the network that served last comes first");
      point.address = "10.0.0.8";
      world.wifi.air.set("home", point);
      await world.clock.advance(120_000);
      t.same(world.told, ["connected 10.0.0.7", "disconnected", "connected 10.0.0.8"]);
    },
  );

  t.test(
    `given the Wi-Fi of ${version} and a network without addresses, when nothing comes, then the try ends and the next one counts`,
    async (t) => {
      const world = new World(version);
      const point = { password: HOME.password, address: "" };
      world.wifi.air.set("home", point);
      world.keep([HOME]);
      await world.clock.advance(300_000);
      t.equal(world.log[0], "2 network home: no address, again in 1 s");
      t.same(world.told, [], "it is not stuck: it says something");
      point.address = "10.0.0.7";
      await world.clock.advance(120_000);
      t.same(world.told, ["connected 10.0.0.7"]);
    },
  );
}

t.test(
  "given a loss that the interpreter mends by itself, when the address is another one, then it is told, else nothing is",
  async (t) => {
    const world = new World();
    const point = { password: HOME.password, address: "10.0.0.7" };
    world.wifi.air.set("home", point);
    world.keep([HOME]);
    await world.clock.advance(10_000);
    world.wifi.lose("BEACON_TIMEOUT");
    await world.clock.advance(10_000);
    t.same(world.told, ["connected 10.0.0.7"]);
    point.address = "10.0.0.8";
    world.wifi.lose("BEACON_TIMEOUT");
    await world.clock.advance(10_000);
    t.same(world.told, ["connected 10.0.0.7", "connected 10.0.0.8"]);
    t.equal(world.tries.length, 1);
  },
);

t.test(
  "given a network that is never there, when it is tried for a day, then pauses grow to a minute and no further",
  async (t) => {
    const world = new World().keep([HOME]);
    await world.clock.advance(1_800_000);
    const times = world.wifi.tried.map(({ atMs }) => atMs);
    const pauses = times.slice(1).map((atMs, at) => Math.round((atMs - (times[at] ?? 0)) / 1000));
    // Three looks for the network take six seconds.
    t.same(pauses.slice(0, 8), [7, 8, 10, 14, 22, 38, 66, 66]);
    t.ok(pauses.slice(8).every((pause) => pause === 66));
    t.ok(world.clock.pending < 3);
  },
);

t.test(
  "given a Wi-Fi that does not say anything, when it was tried six times, then the board has to start anew",
  async (t) => {
    const world = new World();
    world.wifi.isDead = true;
    world.keep([HOME, CELLAR]);
    await world.clock.advance(150_000);
    t.equal(world.log[0], "2 network home: no answer, again in 1 s");
    t.same(world.told, []);
    await world.clock.advance(120_000);
    t.same(world.told, ["stuck"]);
    t.equal(world.tries.length, 6);
    t.equal(world.clock.pending, 0);
  },
);

t.test(
  "given settings that the Wi-Fi does not take, when it is started, then the other networks are tried",
  async (t) => {
    const world = new World();
    world.wifi.air.set("home", { password: HOME.password, address: "10.0.0.7" });
    world.keep([{ ssid: 7, password: "" }, HOME], "The balcony, 3rd floor, left of the door");
    await world.clock.advance(30_000);
    t.equal(world.log[0], "2 network 7: Error: No SSID provided, again in 1 s");
    t.same(world.told, ["connected 10.0.0.7"]);
    t.equal(world.wifi.calls[1], "setHostname The-balcony--3rd-floor--left-of-");
  },
);

t.test("given no Wi-Fi, or none to join, when the board starts, then the network is there", async (t) => {
  t.same(new World("2v29", false).keep([HOME]).told, ["connected "]);
  t.same(new World().keep([]).told, ["connected "]);
});

t.test(
  "given the socket of a board, when there is no network, then nothing is sent; when there is one again, it is a new one",
  async (t) => {
    const world = new World();
    const port = world.parts.boardSocket(5683);
    let ready = 0;
    const count = () => {
      ready++;
    };
    port.send(Buffer.from("early"), "10.0.0.1", 5683);
    port.setOnline(count);
    await world.clock.advance(0);
    t.equal(ready, 1);
    port.send(Buffer.from("one"), "10.0.0.1", 5683);
    t.same(world.sockets[0]?.sent, ["one to 10.0.0.1:5683"]);
    port.setOnline(undefined);
    port.send(Buffer.from("lost"), "10.0.0.1", 5683);
    t.equal(world.sockets.length, 1);
    port.setOnline(count);
    t.equal(world.sockets[0]?.isClosed, true);
    await world.clock.advance(200);
    t.equal(ready, 1, "there is no socket yet");
    await world.clock.advance(1_000);
    t.equal(world.sockets.length, 2, "one new socket");
    t.equal(ready, 2);
    port.send(Buffer.from("two"), "10.0.0.1", 5683);
    t.same(
      world.sockets.map(({ sent }) => sent),
      [["one to 10.0.0.1:5683"], ["two to 10.0.0.1:5683"]],
    );
    const taken: string[] = [];
    port.onDatagram((datagram, address, from) =>
      taken.push(`${Buffer.from(datagram).toString()} ${address} ${from}`),
    );
    world.sockets[1]?.handlers.get("message")?.("hello", { address: "10.0.0.1", port: 5683 });
    t.same(taken, ["hello 10.0.0.1 5683"]);
    world.sockets[1]?.close();
    await world.clock.advance(1_000);
    t.equal(world.sockets.length, 3, "a socket that was lost");
    t.equal(ready, 2, "the network is the same");
    world.parts.boardSocket(1);
    await world.clock.advance(1_000);
    t.equal(world.sockets.length, 8, "a socket that cannot be opened is tried again and again");
  },
);

t.test("given a light, when the state changes, then it tells: quick, slow, steady", async (t) => {
  const world = new World();
  let isOnline = false;
  let isRegistered = false;
  world.parts.showState(
    "D2",
    () => isOnline,
    () => isRegistered,
  );
  world.parts.showState(
    "D99",
    () => true,
    () => true,
  );
  await world.clock.advance(600);
  t.same(world.light.splice(0), ["0@0", "1@250", "0@500"]);
  isOnline = true;
  await world.clock.advance(2_400);
  t.same(world.light.splice(0), ["1@750", "0@1750", "1@2750"]);
  isRegistered = true;
  await world.clock.advance(5_000);
  t.same(world.light, ["1@3750", "1@5750", "1@7750"]);
});

/**
 * A Wi-Fi for the interpreter for Linux, which has none: one network of the settings is there. It is lost once, and then the board has another address.
 */
const WIFI = `Modules.addCached("Wifi",function(){
var tries=0,ip="0.0.0.0";
exports.stopAP=function(){};
exports.disconnect=function(){};
exports.setHostname=function(name){print("host "+name)};
exports.getIP=function(){return {ip:ip}};
exports.connect=function(ssid,options,done){
setTimeout(function(){
if(ssid!="home"||options.password!="secret-1"){exports.emit("disconnected",{msg:"NO_AP_FOUND"});done("NO_AP_FOUND");return}
ip="10.0.0."+(++tries);done(null);exports.emit("connected",{ip:ip});
if(tries==1)setTimeout(function(){ip="0.0.0.0";exports.emit("disconnected",{msg:"BEACON_TIMEOUT"})},6000)},200)}
});`;

t.test(
  "given the firmware on a real interpreter with a Wi-Fi, when a network is missing and another is lost, then the gateway has the board again, and learns why",
  { skip: NO_ESPRUINO },
  async (t) => {
    const socket = await openUdpSocket("127.0.0.1", 0, "gateway");
    t.teardown(() => socket.close());
    const rig = await rigFor(t, { socket });
    const [port = 0] = await freePorts(1);
    const files = Object.fromEntries(
      (await firmwareFiles(ROOT)).map(({ name, content }) => [name, content.toString("latin1")]),
    );
    const settings = {
      name: "desk 1",
      node: uuid(32),
      wifi: [CELLAR, HOME],
      gateway: { address: "127.0.0.1", port: socket.port },
      port,
    };
    const board = new EspruinoBoard();
    t.teardown(() => board.close());
    board
      .store({ ...files, [BOOT]: WIFI + files[BOOT], "edgeless.json": JSON.stringify(settings) })
      .powerOn();
    await board.says(/host desk-1/);
    await board.says(/edgeless 2 network cellar: NO_AP_FOUND, again in 1 s/);
    await board.says(/edgeless 3 in network home as 10\.0\.0\.1\s/);
    await board.says(/edgeless 3 registered as/);
    await rig.admit(32);
    await board.says(/edgeless 2 network lost: BEACON_TIMEOUT/);
    await board.says(/edgeless 3 in network home as 10\.0\.0\.2[\s\S]*edgeless 3 registered as/);
    const messages = await eventually("the log at the gateway", async () => {
      const answer = await fetch(`${rig.gateway.controlUrl}/devices/${uuid(32)}/logs`);
      const lines = (await answer.text()).split("\n").filter((line) => line !== "");
      const told = lines.map((line) => `${JSON.parse(line).message}`);
      return told.some((text) => text.includes("10.0.0.2")) && told;
    });
    t.same(messages, [
      "network cellar: NO_AP_FOUND, again in 1 s",
      "in network home as 10.0.0.1",
      "network lost: BEACON_TIMEOUT",
      "in network home as 10.0.0.2",
    ]);
  },
);
