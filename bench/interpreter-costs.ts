/*
 * What a translated function costs on a real interpreter: an Espruino for Linux with the variables of a board, and its machine
 * instructions as valgrind's callgrind counts them.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What was measured. */
export interface InterpreterCosts {
  /** Variables that the function holds after its start and two events, its memory included. */
  readonly variables: number;
  /** Time of an event in turns of `for(var i=0;i<N;i++);`, with placing its payload; absent: not counted. */
  readonly turns?: number;
}

/** What a function is given. */
export interface Inputs {
  /** Payload of the init handler. */
  readonly init: string;
  /** Payload of each event. */
  readonly event: string;
}

/** Flash of the interpreter for Linux, bytes, and how a file is kept in it. */
const FLASH_BYTES = 896 * 1024;
const FILE_HEADER_BYTES = 32;
const FILE_NAME_AT = 4;
const FILE_NAME = "f";

const LIMIT_MS = 120_000;
const EVENTS = 2;
const TURNS = 4_000;

/** Starts a function and gives it events as a device does; imports do nothing, and calls have no answer. */
const HARNESS = `function h(w){if(w<6)throw "trap "+w;return w==6?64:0}
var x,H,t,I=new Uint8Array(16);
function free(p,n){x[2]&&x[2](p,n)}
function place(s){var p=x[1](s.length);x[0].set(s,p);return p}
function start(s){x=H(h);H=undefined;x[3]&&x[3]();var p=place(s);x[4]&&x[4](p,s.length,0,0);free(p,s.length)}
function event(s,n){for(var k=0;k<n;k++){x[3]&&x[3]();var l=s.length,c=x[1](32+l),m=x[0];m.set(I,c);m.set(I,c+16);m.set(s,c+32);
x[5]&&x[5](c+16,c,c+32,l);free(c,32+l)}}
function bytes(s){return E.toUint8Array(s)}
`;

/** A function that does nothing, for the costs of the harness. */
const NOTHING = "(function(h){var m=new Uint8Array(64);return[m,n=>0,0,()=>{},()=>{},(a,b,c,d)=>{},0,0]})";

/** An interpreter on which functions are measured. */
export class MeasuringInterpreter {
  readonly #path: string;
  readonly #hasValgrind = spawnSync("valgrind", ["--version"]).status === 0;
  /** Instructions of one turn of the empty loop. */
  #turn: Promise<number | undefined> | undefined;

  /** @param path of an Espruino for Linux */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Measures one function; undefined when it traps or there is no room for it.
   * @param text the translated function
   * @param inputs of its init handler and of an event
   */
  async measure(text: string, inputs: Inputs): Promise<InterpreterCosts | undefined> {
    const output = await run(this.#path, [], text, script(text, inputs, 2));
    const used = /USED (\d+)!/.exec(output)?.[1];
    if (used === undefined) {
      return undefined;
    }
    const variables = Number(used);
    if (!this.#hasValgrind) {
      return { variables };
    }
    this.#turn ??= this.#instructionsOfTurn();
    const few = await this.#instructions(text, script(text, inputs, 1));
    const many = await this.#instructions(text, script(text, inputs, 1 + EVENTS));
    const turn = await this.#turn;
    if (few === undefined || many === undefined || turn === undefined) {
      return { variables };
    }
    return { variables, turns: (many - few) / EVENTS / turn };
  }

  async #instructionsOfTurn(): Promise<number | undefined> {
    const loop = (turns: number) =>
      this.#instructions(
        NOTHING,
        script(NOTHING, { init: "", event: "" }, 0, `for(var i=0;i<${turns};i++);`),
      );
    const [without, whole] = [await loop(0), await loop(TURNS)];
    return without === undefined || whole === undefined ? undefined : (whole - without) / TURNS;
  }

  /**
   * Machine instructions of a run, but for those that read flash: the interpreter for Linux keeps it in a file. Undefined
   * when it takes too long.
   */
  async #instructions(text: string, work: string): Promise<number | undefined> {
    // The order matters: a function that switches counting switches it off at the start, too.
    const counting = ["--toggle-collect=jshFlashRead", "--collect-atstart=yes", "--fair-sched=try"];
    const options = ["--tool=callgrind", "--callgrind-out-file=/dev/null", ...counting];
    const output = await run("valgrind", [...options, this.#path], text, work);
    const collected = /Collected : (\d+)/.exec(output)?.[1];
    return collected === undefined || !output.includes("USED ") ? undefined : Number(collected);
  }
}

/** The function is made from its body, which stays in flash, as on a board. */
function script(text: string, { init, event }: Inputs, events: number, more = ""): string {
  const head = text.indexOf("){");
  const parameters = text.slice("(function(".length, head);
  const length = text.length - head - 4;
  return `${HARNESS}var u=process.memory(true).usage,s=bytes(${JSON.stringify(event)});
t=require("Storage").read("${FILE_NAME}");H=Function("${parameters}",t.substr(${head + 2},${length}));t=undefined;
start(bytes(${JSON.stringify(init)}));event(s,${events});${more}
s=undefined;print("USED "+(process.memory(true).usage-u)+"!");quit();`;
}

/** Runs a script with one file in flash; gives what was printed, the report of valgrind included. */
async function run(program: string, args: readonly string[], file: string, work: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-costs-"));
  const flash = Buffer.alloc(FLASH_BYTES, 0xff);
  flash.fill(0, 0, FILE_HEADER_BYTES);
  flash.writeUInt32LE(file.length, 0);
  flash.write(FILE_NAME, FILE_NAME_AT, "latin1");
  flash.write(file, FILE_HEADER_BYTES, "latin1");
  writeFileSync(join(folder, "espruino.flash"), flash);
  writeFileSync(join(folder, "script.js"), work);
  // Its standard input has to stay open.
  const child = spawn(program, [...args, "script.js"], { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
      // After a fault it waits for commands.
      if (/Uncaught |OUT OF MEMORY|out of memory/.test(output)) child.kill("SIGKILL");
    });
  }
  child.stdin.on("error", () => {});
  await new Promise<void>((resolve) => {
    // It does not listen to gentler signals.
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.on("error", (error) => {
      output += error.message;
    });
    child.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  rmSync(folder, { recursive: true, force: true });
  return output;
}
