// Several commands of one clone may start at the same time; what they all would build is built by the first of them.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./freshness.mjs";

const LOCK = join(ROOT, ".edgeless-build.lock");
const POLL_MS = 100;
/** A lock without a number in it is being written; after so long its writer is taken for dead. */
const UNREADABLE_MS = 2_000;

/** Does the work unless `isDone` says, once this process is alone, that another one has done it. */
export function oneAtATime(isDone, work) {
  if (isDone()) return;
  takeLock();
  const release = () => rmSync(LOCK, { force: true });
  process.once("exit", release);
  try {
    if (!isDone()) work();
  } finally {
    process.off("exit", release);
    release();
  }
}

function takeLock() {
  let told = false;
  let unreadableMs = 0;
  for (;;) {
    try {
      writeFileSync(LOCK, `${process.pid}`, { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = holderOfLock();
    unreadableMs = holder === undefined ? unreadableMs + POLL_MS : 0;
    if (unreadableMs > UNREADABLE_MS || (holder !== undefined && !isAlive(holder))) {
      rmSync(LOCK, { force: true });
      continue;
    }
    if (!told && holder !== undefined)
      process.stderr.write(`Waiting for process ${holder}, which builds ...\n`);
    told ||= holder !== undefined;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
}

function holderOfLock() {
  try {
    const number = Number(readFileSync(LOCK, "utf8"));
    return Number.isInteger(number) && number > 0 ? number : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
