/*
 * What an event costs a board: machine instructions of a real interpreter (an Espruino for Linux, named by ESPRUINO) as valgrind's
 * callgrind counts them, in turns of an empty loop.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BOARD_PROFILES } from "../emulator/board-profile.js";
import { BOOT, COLD, firmwareFiles, RESIDENT } from "../esp32/bundle/firmware-files.js";
import { DeviceRig } from "../test/kit/device-rig.js";
import { ESPRUINO } from "../test/kit/espruino-board.js";
import { flashImage } from "../test/kit/espruino-flash.js";
import { shippedModule } from "../test/kit/guest-driver.js";
import { ROOT } from "../test/kit/repository.js";
import { translateModule } from "../toolchain/translate/translate.js";

const EVENTS = 4;
const TURNS = 1_000;
const LIMIT_MS = 300_000;
/** Options and payload of the answer to a registration: Location-Path rd/1. */
const REGISTERED = "8272640131ffa1001a69248100";
/** The native function of the interpreter in which instructions are counted; the device runtime does not use it. */
const COUNTED = "jswrap_array_reduce";

/** Datagrams of a gateway that brings a function to a board and sends it events. */
async function recording(): Promise<{ readonly setUp: string[]; readonly events: string[] }> {
  const profile = BOARD_PROFILES.esp32 ?? {};
  const rig = await new DeviceRig({ profile }).boot();
  const from = rig.passed.length;
  const { code } = translateModule(shippedModule("double_tiny"), { maxMemoryBytes: 4096 });
  const handle = await rig.start(Buffer.from(code));
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

/** A board without a network: it is given the datagrams, one after the other, and ends with what is counted. */
function script(setUp: number, counted: string): string {
  return `var _socket,_take=[],_from={address:"10.0.0.1",port:5683},_at=0,_events=[];
function _bytes(h){var t="";for(var i=0;i<h.length;i+=2)t+=String.fromCharCode(parseInt(h.substr(i,2),16));return t}
function _read(n){return require("Storage").read("m"+n)}
function _next(){if(_at<${setUp}){_take(_read(_at++),_from);setTimeout(_next,50);return}
setTimeout(function(){for(var i=0;i<${EVENTS};i++)_events.push(_read(${setUp}+i));[0,0].reduce(function(){${counted}});print("DONE");quit()},1000)}
Modules.addCached("dgram",function(){exports.createSocket=function(){_socket={on:function(e,f){if(e=="message")_take=f},
bind:function(){},close:function(){},send:function(t){if(t.charCodeAt(1)==2&&t.indexOf("\\xb2rd")>0)setTimeout(function(){
_take("\\x62\\x41"+t.substr(2,4)+_bytes("${REGISTERED}"),_from);_next()},20)}};return _socket}});
T=require("Storage").read("${COLD}");eval(require("Storage").read("${RESIDENT}"));`;
}

/** Instructions that a piece of a script takes. */
async function count(interpreter: string, flash: Buffer, text: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-bench-"));
  try {
    writeFileSync(join(folder, "espruino.flash"), flash);
    writeFileSync(join(folder, "script.js"), text);
    const valgrind = ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"];
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
    return Number(collected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
  const of = (counted: string) => count(ESPRUINO ?? "", flash, script(setUp.length, counted));
  const none = await of("");
  const turns = (await of(`for(var i=0;i<${TURNS};i++);`)) - none;
  const event = (await of("for(var i=0;i<_events.length;i++)_take(_events[i],_from)")) - none;
  const perEvent = event / events.length / (turns / TURNS);
  console.log(
    `an event received, checked, put into the mailbox and acknowledged: ${perEvent.toFixed(0)} turns of an empty loop`,
  );
}

await main();
