import { createContext, runInContext } from "node:vm";
import { crc32 } from "node:zlib";
import t from "tap";
import { JOURNAL, JOURNAL_BYTES } from "../../embedded/boot-journal.js";
import { EmulatedFlash } from "../../emulator/flash.js";
import { bundleBoot } from "../../esp32/bundle/bundle-boot.js";
import { hoistingFaults, subsetFaults } from "../../esp32/bundle/device-subset.js";
import { EspruinoBoard, NO_ESPRUINO } from "../kit/espruino-board.js";
import { ROOT } from "../kit/repository.js";

/** Bytes of flash that the boot script may take. */
const BUDGET = 3600;

/** Stands for a runtime: shows what the boot left for it. */
const RUNTIME = `print("#runtime " + JSON.stringify(edgelessBoot) + " free " + process.memory().free);`;

const boot = await bundleBoot(ROOT);

/** What a file of flash holds after so much of it was written. */
function journal(text: string): string {
  return text.padEnd(JOURNAL_BYTES, "\xff");
}

/** A firmware in a slot, with its list. */
function slot(prefix: string, version: string, script: string, damage = ""): Record<string, string> {
  const list = [version, [["edgeless", script.length, crc32(script)]]];
  return { [`${prefix}edgeless`]: script + damage, [`${prefix}edgeless.fw`]: JSON.stringify(list) };
}

/** A board that boots in Node.js: flash that outlives it, a clock that tells resets, what it printed. */
class World {
  readonly flash = new EmulatedFlash(900_000);
  printed: string[] = [];
  reboots = 0;
  compactions = 0;
  trashBytes = 0;
  seconds = 1000;
  /** Seconds of the watchdog; 0: it is not armed. */
  watchdog = 0;
  /** Networks that the boot script joined. */
  readonly joined: string[] = [];
  readonly timers: { readonly work: () => void; readonly delayMs: number }[] = [];

  /** @param watchdog what the board found out about its watchdog before */
  constructor(files: Record<string, string>, watchdog = "y") {
    if (watchdog !== "") this.flash.write("edgeless.dog", Buffer.from(watchdog));
    for (const [name, text] of Object.entries(files)) this.flash.write(name, Buffer.from(text, "latin1"));
  }

  boot(): this {
    this.printed = [];
    this.watchdog = 0;
    this.timers.length = 0;
    const { flash } = this;
    const storage = {
      read: (name: string) => flash.readText(name),
      write: (name: string, text: string, at?: number, total?: number) => {
        const bytes = Buffer.from(text, "latin1");
        return at === undefined || total === undefined
          ? flash.write(name, bytes)
          : flash.writePart(name, at, total, bytes);
      },
      getStats: () => ({ freeBytes: flash.freeBytes(), trashBytes: this.trashBytes }),
      compact: () => {
        this.compactions++;
        this.trashBytes = 0;
      },
    };
    const world = createContext({
      E: {
        enableWatchdog: (seconds: number) => {
          this.watchdog = seconds;
        },
        reboot: () => this.reboots++,
        CRC32: (text: string) => crc32(Buffer.from(text, "latin1")),
      },
      require: (name: string) => {
        if (name === "Storage") return storage;
        if (name === "Wifi") return { connect: (ssid: string) => this.joined.push(ssid) };
        throw new Error(`no module ${name}`);
      },
      process: { memory: () => ({ free: 0 }) },
      getTime: () => this.seconds,
      print: (text: string) => this.printed.push(text),
      setTimeout: (work: (...values: unknown[]) => void, delayMs: number, ...values: unknown[]) =>
        this.timers.push({ work: () => work(...values), delayMs }),
    });
    runInContext(boot, world);
    return this;
  }

  /** What the boot left, as the runtime sees it. */
  state(): Record<string, unknown> | undefined {
    const line = this.printed.find((text) => text.startsWith("#runtime "));
    return line === undefined ? undefined : JSON.parse(line.slice(9, line.indexOf(" free ")));
  }

  note(text: string): void {
    const { at } = this.state() as { at: number };
    this.flash.writePart(JOURNAL, at, JOURNAL_BYTES, Buffer.from(text));
  }
}

t.test(
  "given the boot script, when it is made, then it is small and keeps to what a board understands",
  async (t) => {
    t.same(subsetFaults(boot), []);
    t.same(hoistingFaults(boot), []);
    t.ok(boot.length <= BUDGET, `${boot.length} of ${BUDGET} bytes`);
  },
);

t.test(
  "given a new board, when it boots again and again without result, then it ends with its console",
  async (t) => {
    const world = new World({ edgeless: RUNTIME });
    const modes: unknown[] = [];
    for (let boots = 0; boots < 7; boots++) modes.push(world.boot().state()?.mode);
    t.same(modes, [0, 0, 0, 1, 1, 1, undefined]);
    t.match(world.printed, ["edgeless 1 6 boots ended badly: console only"]);
    const [{ work, delayMs } = { work: () => {}, delayMs: 0 }] = world.timers;
    t.equal(delayMs, 3_600_000);
    work();
    t.equal(world.reboots, 1);
    t.equal(world.boot().state()?.mode, 0, "after an hour it starts over");
    world.note("h");
    world.seconds = 1;
    t.equal(world.boot().state()?.failures, 0, "power was away");
  },
);

t.test(
  "given a firmware on trial, when it is damaged or does not prove, then the former one runs",
  async (t) => {
    const files = { edgeless: RUNTIME, "edgeless.boot": journal("wht1p") };
    const sound = new World({ ...files, ...slot("b.", "2", RUNTIME) });
    t.match(sound.boot().state(), { slot: 1, isTrial: true, script: "b.edgeless" });
    sound.note("h");
    t.match(sound.boot().state(), { slot: 1, isTrial: false });
    const silent = new World({ ...files, ...slot("b.", "2", RUNTIME) });
    silent.boot();
    t.match(silent.boot().state(), { slot: 0, isTrial: false, isBack: true, script: "edgeless" });
    const unlisted = new World({ ...files, "b.edgeless": RUNTIME, "b.edgeless.fw": '["2",[["edgel' });
    t.equal(unlisted.boot().state(), undefined);
    const damaged = new World({ ...files, ...slot("b.", "2", RUNTIME, " ") });
    t.equal(damaged.boot().state(), undefined);
    damaged.timers[0]?.work();
    t.equal(damaged.reboots, 1);
    t.match(damaged.boot().state(), { slot: 0, isBack: true });
  },
);

t.test(
  "given a firmware that was damaged later, when boots end badly, then the other one runs",
  async (t) => {
    const world = new World({ ...slot("", "1", RUNTIME, " "), ...slot("b.", "2", RUNTIME) });
    world.boot();
    t.match(world.boot().state(), { slot: 1, script: "b.edgeless" });
    world.note("h");
    t.match(world.boot().state(), { slot: 1 }, "and stays");
  },
);

t.test(
  "given flash full of what is no more, when the board boots, then it tidies up once and starts anew",
  async (t) => {
    const world = new World({ edgeless: RUNTIME, "edgeless.boot": journal("wh") });
    world.trashBytes = 300_000;
    t.equal(world.boot().state(), undefined);
    const stuck = world.trashBytes;
    t.match(world.boot().state(), { failures: 0, mode: 0 }, "not twice in a row");
    world.note("h");
    world.boot();
    world.timers[0]?.work();
    t.equal(stuck, 300_000);
    t.same([world.compactions, world.reboots], [1, 1]);
    t.match(world.boot().state(), { failures: 0, mode: 0 });
  },
);

t.test(
  "given a board whose watchdog is new, when it lives on with it, then it is armed at each boot; when resets follow, it is left off",
  async (t) => {
    const sound = new World({ edgeless: RUNTIME }, "").boot();
    t.equal(sound.watchdog, 30);
    const [{ work, delayMs } = { work: () => {}, delayMs: 0 }] = sound.timers;
    t.equal(delayMs, 120_000);
    work();
    sound.seconds += 3600;
    t.equal(sound.boot().watchdog, 30);
    t.same(sound.timers, [], "it is proved once for all");

    const harmed = new World({ edgeless: RUNTIME }, "");
    const armed = [];
    for (let boots = 0; boots < 5; boots++) {
      armed.push(harmed.boot().watchdog);
      harmed.seconds += 1.2;
    }
    t.same(armed, [30, 30, 0, 0, 0]);
    t.equal(harmed.state()?.mode, 1, "what it did to the boots counts");

    const unplugged = new World({ edgeless: RUNTIME }, "");
    const planned = new World({ edgeless: RUNTIME }, "");
    for (let boots = 0; boots < 5; boots++) {
      unplugged.seconds = 0.8;
      t.equal(unplugged.boot().watchdog, 30, "the power was away");
      t.equal(planned.boot().watchdog, 30, "a planned start is no reset");
      planned.note("hp");
      planned.seconds += 60;
    }
  },
);

t.test(
  "given a board that is left to its console, when settings let owners come over the network, then it joins it, else not",
  async (t) => {
    const settings = { wifi: [{ ssid: "home", password: "" }], telnet: true };
    const bad = { edgeless: RUNTIME, "edgeless.boot": journal("wwwwww") };
    const open = new World({ ...bad, "edgeless.json": JSON.stringify(settings) }).boot();
    t.same(open.joined, ["home"]);
    const closed = { ...settings, telnet: undefined };
    t.same(new World({ ...bad, "edgeless.json": JSON.stringify(closed) }).boot().joined, []);
    t.same(new World({ ...bad, "edgeless.json": "{" }).boot().joined, []);
  },
);

t.test(
  "given a runtime that ends while it starts, when it did, then the console stays for a while",
  async (t) => {
    const world = new World({ edgeless: "throw 'no settings';" }).boot();
    t.same(world.printed, ["edgeless 1 no settings"]);
    t.equal(world.timers[0]?.delayMs, 30_000);
    t.same(new World({}).boot().printed, ["edgeless 1 there is no edgeless"]);
  },
);

t.test(
  "given a journal that is nearly full, when the board boots, then it goes on with a short one",
  async (t) => {
    const world = new World({ edgeless: RUNTIME, "edgeless.boot": journal("whl".repeat(260)) });
    t.match(world.boot().state(), { at: 3 });
    world.note("h");
    t.match(world.boot().state(), { at: 5, failures: 1 });
  },
);

t.test(
  "given the real interpreter, when boots end badly, firmware is tried and flash tidied up, then it goes as planned",
  { skip: NO_ESPRUINO },
  async (t) => {
    const run = new EspruinoBoard();
    t.teardown(() => run.close());
    /** What the runtime was left with at the next boot. */
    const next = async (): Promise<Record<string, unknown>> => {
      await run.powerOn().says(/ free /);
      const [, state = "{}", free] = /#runtime (.*) free (\d+)/.exec(run.output) ?? [];
      if (Number(free) < 3000) t.ok(Number(free) > 2640, `${free} variables are free`);
      return JSON.parse(state);
    };
    run.store({ ".boot0": boot, edgeless: RUNTIME });
    for (const mode of [0, 0, 0, 1, 1, 1]) t.match(await next(), { mode });
    await run.powerOn().says(/console only/);
    run.type("print(6*7)\n");
    await run.says(/42/);
    t.notOk(run.output.includes("#runtime"));

    const trial = { ".boot0": boot, edgeless: RUNTIME, [JOURNAL]: journal("wht1p") };
    run.store({
      ...trial,
      ...slot("b.", "2", `${RUNTIME}require("Storage").write("edgeless.boot","h",edgelessBoot.at)`),
    });
    t.match(await next(), { slot: 1, isTrial: true });
    t.match(await next(), { slot: 1, isTrial: false, isBack: false }, "proved");
    run.store({ ...trial, ...slot("b.", "2", RUNTIME) });
    t.match(await next(), { slot: 1, isTrial: true });
    t.match(await next(), { slot: 0, isBack: true }, "not proved");
    run.store({ ...trial, ...slot("b.", "2", RUNTIME, " ") });
    await run.powerOn().says(/damaged/);
    t.match(await next(), { slot: 0, isBack: true }, "damaged");

    run.store({ "edgeless.first": "x".repeat(2000), ".boot0": boot, edgeless: RUNTIME });
    await next();
    run.type('var s=require("Storage");s.erase("edgeless.first");\n');
    run.type(
      's.write("large","x",0,s.getFree()>600000?300000:100000);s.erase("large");print("er"+"ased");\n',
    );
    await run.says(/erased/);
    await run.powerOn().says(/tidied up/);
    await run.says(/Not implemented/);
    const after = await next();
    t.match(after, { mode: 0, failures: 0 });
    run.type('print("trash "+require("Storage").getStats().trashBytes+".");\n');
    await run.says(/trash \d{1,3}\./);
  },
);
