import t from "tap";
import { fuzzCoap } from "../kit/coap-fuzzer.js";

/** Inputs of one round; a run of a million: node scripts/fuzz.mjs --inputs 1000000 */
const ROUND = 20_000;
const ROUNDS = 30;

t.test(
  "given hostile bytes, when every decoder and an endpoint take them, then nothing but a WireFault is thrown",
  async (t) => {
    const heap: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const report = fuzzCoap(round, ROUND);
      t.ok(report.accepted > ROUND / 20, `${report.accepted} accepted`);
      t.ok(report.refused > ROUND / 10, `${report.refused} refused`);
      t.ok(report.malformed > ROUND / 20, `${report.malformed} datagrams malformed`);
      t.ok(report.answered > ROUND / 20, `${report.answered} datagrams sent`);
      t.ok(report.mostPeers <= 4, `at most ${report.mostPeers} peers`);
      t.ok(report.mostTimers <= 120, `at most ${report.mostTimers} timers`);
      t.ok(report.mostHeldBytes <= 8192, `at most ${report.mostHeldBytes} bytes of bodies`);
      heap.push(process.memoryUsage().heapUsed);
    }
    const growth = Math.min(...heap.slice(-3)) - Math.min(...heap.slice(0, 3));
    t.ok(growth < 20 * 1024 * 1024, `the heap grew by ${Math.round(growth / 1024)} KiB`);
  },
);
