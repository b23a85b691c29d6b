/*
 * What an event costs a board: machine instructions of a real interpreter (an Espruino for Linux, named by ESPRUINO) as valgrind's
 * callgrind counts them, in turns of an empty loop.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BOARD_PROFILES } from "../emulator/board-profile.js";
import { BOOT, COLD, firmwareFiles, RESIDENT } from "../esp32/bundle/firmware-files.js";
import { DeviceRig } from "../test/kit/device-rig.js";
import { ESPRUINO } from "../test/kit/espruino-board.js";
import { flashImage } from "../test/kit/espruino-flash.js";
import { ROOT } from "../test/kit/repository.js";
import { translateModule } from "../toolchain/translate/translate.js";
import { tinyModules } from "./tiny-modules.js";

const EVENTS = 4;
const TURNS = 1_000;
const ROUTE = 5;
const LIMIT_MS = 300_000;
/** Options and payload of the answer to a registration: Location-Path rd/1. */
const REGISTERED = "8272640131ffa1001a69248100";
/** The native function of the interpreter in which instructions are counted; the device runtime does not use it. */
const COUNTED = "jswrap_array_reduce";
/** The native function with which it reads flash, and where valgrind leaves what it counted. */
const FLASH_READ = "jshFlashRead";
const PROFILE = "profile";

/** A piece of a script that is counted, and how much the board has to send in it. */
interface Count {
  readonly counted: string;
  readonly answers: number;
  readonly casts: number;
}

const COUNTS: Readonly<Record<string, Count>> = {
  "an event received, checked, put into the mailbox and acknowledged": {
    counted: "for(var i=0;i<_events.length;i++)_take(_events[i],_from)",
    answers: EVENTS,
    casts: 0,
  },
  "an event from its datagram to that of the cast of `double_tiny` (profile `tiny`), both acknowledged": {
    counted:
      'for(var i=0;i<_events.length;i++){_take(_events[i],_from);_turn();_acknowledge(_out,68,"");_turn()}',
    answers: EVENTS,
    casts: EVENTS,
  },
};

/** Datagrams of a gateway that brings a function to a board and sends it events. */
async function recording(): Promise<{ readonly setUp: string[]; readonly events: string[] }> {
  const profile = BOARD_PROFILES.esp32 ?? {};
  const rig = await new DeviceRig({ profile }).boot();
  const from = rig.passed.length;
  const [wasm = new Uint8Array(0)] = await tinyModules(ROOT, ["double_tiny"]);
  const { code } = translateModule(wasm, { maxMemoryBytes: 4096 });
  const handle = await rig.start(Buffer.from(code), { result: ROUTE });
  const before = rig.passed.length;
  for (let i = 0; i < EVENTS; i++) await rig.send(handle, `${i}`);
  const toDevice = rig.passed.map(({ datagram, to }, at) =>
    to.startsWith(rig.place.address) && at >= from ? Buffer.from(datagram).toString("hex") : "",
  );
  return {
    setUp: toDevice.slice(0, before).filter((hex) => hex !== ""),
    events: toDevice.slice(before).filter((hex) => hex !== "" && hex.startsWith("4")),
  };
}

/**
 * A board without a network, whose gateway is a script: it is given one datagram after the other, the next one when the last one is
 * answered. What the board does in its next turn waits in a list, so that it can be counted. It ends with what is counted, in which
 * all events must be answered.
 */
function script(setUp: number, { counted, answers, casts }: Count): string {
  return `var _take,_from={address:"10.0.0.1",port:5683},_at=0,_asked="",_isKnown=0,_isCounting=0,_events=[],_out,_answers=0,_casts=0,
_due=[],_timeout=setTimeout;
function setTimeout(f,t,a,b,c){if(t)return _timeout(f,t);_due.push([f,a,b,c]);if(!_isCounting)_timeout(_turn,0);return 999}
function _turn(){while(_due.length){var d=_due.shift();d[0](d[1],d[2],d[3])}}
function _bytes(h){var t="";for(var i=0;i<h.length;i+=2)t+=String.fromCharCode(parseInt(h.substr(i,2),16));return t}
function _read(n){return require("Storage").read("m"+n)}
function _acknowledge(t,code,more){_take(String.fromCharCode(96+(t.charCodeAt(0)&15),code)+t.substr(2,2+(t.charCodeAt(0)&15))+more,_from)}
function _gateway(t){var code=t.charCodeAt(1);
if(code==2&&!_isKnown){_isKnown=1;_acknowledge(t,65,_bytes("${REGISTERED}"));_timeout(_next,50)}
else if(code==2)_acknowledge(t,68,"");
else if(code>31){if(!(t.charCodeAt(0)&48))_take("\\x60\\0"+t.substr(2,2),_from);
if(_asked&&t.substr(4,_asked.charCodeAt(0)&15)==_asked.substr(4,_asked.charCodeAt(0)&15)){_asked="";_timeout(_next,50)}}}
function _next(){if(_at<${setUp}){_asked=_read(_at++);_take(_asked,_from);return}
_timeout(function(){for(var i=0;i<${EVENTS};i++)_events.push(_read(${setUp}+i));_isCounting=1;
[0,0].reduce(function(){${counted}});
print(_answers==${answers}&&_casts==${casts}?"DONE":_answers+" answers, "+_casts+" casts");quit()},1000)}
Modules.addCached("dgram",function(){exports.createSocket=function(){return{on:function(e,f){if(e=="message")_take=f},
bind:function(){},close:function(){},send:function(t){if(!_isCounting)return _timeout(_gateway,5,t);
if(t.charCodeAt(1)==68)_answers++;else{_out=t;_casts++}}}}});
T=require("Storage").read("${COLD}");eval(require("Storage").read("${RESIDENT}"));`;
}

/**
 * Instructions that a piece of a script takes, without those that read flash: the interpreter for Linux keeps it in a file, and a
 * board reads it in place.
 */
async function count(interpreter: string, flash: Buffer, text: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-bench-"));
  try {
    writeFileSync(join(folder, "espruino.flash"), flash);
    writeFileSync(join(folder, "script.js"), text);
    const valgrind = ["--tool=callgrind", `--callgrind-out-file=${PROFILE}`, "--collect-atstart=no"];
    // Its standard input has to stay open.
    const child = spawn("valgrind", [...valgrind, `--toggle-collect=${COUNTED}`, interpreter, "script.js"], {
      cwd: folder,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("latin1").on("data", (chunk: string) => {
        output += chunk;
      });
    await once(child, "close");
    clearTimeout(limit);
    const collected = /Collected : (\d+)/.exec(output)?.[1];
    if (!output.includes("DONE") || collected === undefined)
      throw new Error(`the interpreter did not come to its end: ${output.slice(-500)}`);
    return Number(collected) - costOfCalls(readFileSync(join(folder, PROFILE), "latin1"), FLASH_READ);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Instructions of all calls of a function, in the format of callgrind: `cfn=(number) name`, then `calls=`, then a line and the cost. */
function costOfCalls(profile: string, name: string): number {
  const numberOf = new RegExp(`fn=\\((\\d+)\\) ${name}\\b`).exec(profile)?.[1];
  if (numberOf === undefined) return 0;
  const calls = new RegExp(`^cfn=\\(${numberOf}\\).*\\n(?:c\\w+=.*\\n)*calls=.*\\n\\S+ (\\d+)$`, "gm");
  let cost = 0;
  for (const [, instructions] of profile.matchAll(calls)) cost += Number(instructions);
  return cost;
}

async function main(): Promise<void> {
  if (ESPRUINO === undefined) {
    console.log("left out: ESPRUINO names no Espruino for Linux");
    return;
  }
  if (spawnSync("valgrind", ["--version"]).status !== 0) {
    console.log("left out: there is no valgrind");
    return;
  }
  const settings = {
    node: "6f1e8a4c-0000-4000-8000-000000000001",
    gateway: { address: "10.0.0.1", port: 5683 },
  };
  const files = (await firmwareFiles(ROOT)).filter(({ name }) => name !== BOOT);
  const { setUp, events } = await recording();
  const messages = [...setUp, ...events].map((hex, at) => [
    `m${at}`,
    Buffer.from(hex, "hex").toString("latin1"),
  ]);
  const flash = flashImage({
    ...Object.fromEntries(messages),
    ...Object.fromEntries(files.map(({ name, content }) => [name, content.toString("latin1")])),
    "edgeless.json": JSON.stringify(settings),
  });
  const of = (piece: Count) => count(ESPRUINO ?? "", flash, script(setUp.length, piece));
  const none = await of({ counted: "", answers: 0, casts: 0 });
  const loop = await of({ counted: `for(var i=0;i<${TURNS};i++);`, answers: 0, casts: 0 });
  const turn = (loop - none) / TURNS;
  for (const [what, piece] of Object.entries(COUNTS)) {
    const turns = ((await of(piece)) - none) / EVENTS / turn;
    console.log(`${what}: ${turns.toFixed(0)} turns of an empty loop`);
  }
}

await main();
