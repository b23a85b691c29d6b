import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { detectCapabilities } from "../../../node/capabilities/detect-capabilities.js";
import { HealthMeter } from "../../../node/health/health-meter.js";
import type { HostProbe } from "../../../node/health/host-probe.js";
import { systemProbe } from "../../../node/health/host-probe.js";
import { decodeReadRegisters, encodeReadRegisters } from "../../../node/health/modbus.js";
import { readActivePower } from "../../../node/health/power-meter.js";
import {
  parseCoreCount,
  parseCpuMhz,
  parseDiskTotals,
  parseKibibytes,
  parseNetworkTotals,
  realDisks,
} from "../../../node/health/proc-files.js";
import { systemClock } from "../../../platform/system-clock.js";
import { FakeClock } from "../../kit/fake-clock.js";

const MEMINFO = `MemTotal:       24684084 kB
MemFree:        23604476 kB
MemAvailable:   23879416 kB
Active(anon):     304112 kB
HugePages_Total:       0
`;

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    1    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:10000000     500    2    0    0     0          0         0  7000000     400    3    0    0     0       0          0
`;

const DISKSTATS = `   7       0 loop0 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9
 254       0 vda 64273 10951 4336714 27079 16675 33855 2252912 22521 0 11220 50614 6558 56 179440 942 1521 70
 254       1 vda1 64000 10951 4336000 27079 16675 33855 2252000 22521 0 11220 50614 6558 56 179440 942 1521 70
 259       0 nvme0n1 1 0 2 0 1 0 4 0 0 0 0
`;

const CPUINFO = ["0/0", "0/0", "0/1", "1/0"]
  .map((place, index) => {
    const [socket, core] = place.split("/");
    return `processor\t: ${index}\ncpu MHz\t\t: 2596.144\nphysical id\t: ${socket}\ncore id\t\t: ${core}\ncpu cores\t: 2\n`;
  })
  .join("\n");

interface Scene {
  readonly files: ReadonlyMap<string, string>;
  cpuMs: number;
}

function probeOf(scene: Scene): HostProbe {
  return {
    readText: async (path) => scene.files.get(path),
    list: async (path) =>
      path === "/sys/block" && scene.files.size > 0 ? ["loop0", "vda", "nvme0n1", "zram0"] : undefined,
    diskSpace: async () =>
      scene.files.size > 0 ? { freeBytes: 3_000_000_000, totalBytes: 10 * 1024 ** 3 } : undefined,
    hostname: "edge-7",
    cpus: { count: 4, model: "AMD EPYC", mhz: 0 },
    memory: () => ({ freeBytes: 1024 ** 3, totalBytes: 4 * 1024 ** 3 }),
    loadAverages: () => [0.934, 0.5, 12],
    process: () => ({ cpuMs: scene.cpuMs, residentBytes: 50 * 1024 ** 2 }),
  };
}

const LINUX = new Map([
  ["/proc/meminfo", MEMINFO],
  ["/proc/net/dev", NET_DEV],
  ["/proc/diskstats", DISKSTATS],
  ["/proc/cpuinfo", CPUINFO],
  ["/proc/self/status", "Name:\tnode\nVmSize:\t4294967296 kB\nVmRSS:\t  51200 kB\n"],
]);

t.test(
  "given the files of a Linux host, when health is measured, then each value has its unit",
  async (t) => {
    const clock = new FakeClock();
    const scene = { files: LINUX, cpuMs: 400 };
    const meter = new HealthMeter(probeOf(scene), clock, "/state", async () => 61_500);
    await clock.advance(2_000);
    scene.cpuMs += 3_000;
    t.same(await meter.measure(), {
      memFree: 23604476,
      memUsed: 804668,
      memAvailable: 23879416,
      procCpuUsage: 150,
      procMemory: 51200,
      procVmemory: 2147483647,
      loadAvg1: 93,
      loadAvg5: 50,
      loadAvg15: 1200,
      totRxBytes: 10003193,
      totRxPkts: 529,
      totRxErrs: 3,
      totTxBytes: 7003193,
      totTxPkts: 429,
      totTxErrs: 3,
      diskFreeSpace: 3_000_000_000,
      diskTotReads: (4336714 + 2) * 512,
      diskTotWrites: (2252912 + 4) * 512,
      gpuLoadPerc: -1,
      gpuTempCels: -1000,
      activePower: 61_500,
    });
    await clock.advance(1_000);
    t.equal((await meter.measure()).procCpuUsage, 0, "measured since the last time");
  },
);

t.test(
  "given a host without these files, when health is measured, then what is unknown is negative",
  async (t) => {
    const failing = async () => {
      throw new Error("meter does not answer");
    };
    const meter = new HealthMeter(
      probeOf({ files: new Map(), cpuMs: 0 }),
      new FakeClock(),
      "/state",
      failing,
    );
    t.match(await meter.measure(), {
      memFree: 1048576,
      memUsed: 3145728,
      memAvailable: 1048576,
      procCpuUsage: 0,
      procVmemory: -1,
      totRxBytes: -1,
      totTxErrs: -1,
      diskFreeSpace: -1,
      diskTotReads: -1,
      diskTotWrites: -1,
      activePower: -1,
    });
  },
);

t.test("given this host, when health is measured, then it is plausible", async (t) => {
  const meter = new HealthMeter(systemProbe(), systemClock, process.cwd());
  const health = await meter.measure();
  t.ok(health.memFree > 0 && health.procMemory > 1_000 && health.diskFreeSpace > 0);
  for (const [name, value] of Object.entries(health)) t.ok(Number.isSafeInteger(value), name);
});

t.test(
  "given a host, when its capabilities are detected, then CPUs, cores, memory and disk are told apart",
  async (t) => {
    t.same(await detectCapabilities(probeOf({ files: LINUX, cpuMs: 0 }), ["RUST_WASM"], "/state", {}), {
      numCpus: 4,
      modelNameCpu: "AMD EPYC",
      clockFreqCpu: 2596.144,
      numCores: 3,
      memSize: 4096,
      labels: ["hostname=edge-7"],
      isTeeRunning: false,
      hasTpm: false,
      runtimes: ["RUST_WASM"],
      diskTotSpace: 10240,
      numGpus: 0,
      modelNameGpu: "",
      memSizeGpu: 0,
    });
    const bare = await detectCapabilities(probeOf({ files: new Map(), cpuMs: 0 }), [], "/state", {});
    t.match(bare, { numCores: 4, clockFreqCpu: 1000, runtimes: [], diskTotSpace: 0 });
    const board = new Map([["/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1800000\n"]]);
    t.match(await detectCapabilities(probeOf({ files: board, cpuMs: 0 }), [], "/state", {}), {
      clockFreqCpu: 1800,
    });
  },
);

t.test(
  "given overrides, when capabilities are detected, then they win and labels are sorted without duplicates",
  async (t) => {
    const capabilities = await detectCapabilities(
      probeOf({ files: LINUX, cpuMs: 0 }),
      ["RUST_WASM"],
      "/state",
      {
        numCpus: 1,
        hasTpm: true,
        memSize: undefined,
        labels: ["zone=b", "hostname=edge-7", "arm", "zone=b"],
      },
    );
    t.match(capabilities, { numCpus: 1, hasTpm: true, memSize: 4096, numCores: 3 });
    t.same(capabilities.labels, ["arm", "hostname=edge-7", "zone=b"]);
  },
);

t.test("given this host, when its capabilities are detected, then it can run functions", async (t) => {
  const capabilities = await detectCapabilities(systemProbe(), ["RUST_WASM"], process.cwd(), {});
  t.ok(capabilities.numCpus > 0 && capabilities.numCores > 0 && capabilities.clockFreqCpu > 0);
  t.ok(capabilities.memSize > 100 && capabilities.diskTotSpace > 100);
});

t.test(
  "given any text, when it is read as a file of /proc, then no reader fails or gives a wrong kind of value",
  async (t) => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...`${MEMINFO}${NET_DEV}${DISKSTATS}${CPUINFO}`.split("\n")),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const text = lines.join("\n");
        for (const value of parseKibibytes(text).values()) t.ok(Number.isInteger(value));
        const values = [
          ...Object.values(parseNetworkTotals(text) ?? {}),
          ...Object.values(parseDiskTotals(text, realDisks(["vda", "nvme0n1"])) ?? {}),
          parseCoreCount(text) ?? 1,
          parseCpuMhz(text) ?? 1,
        ];
        t.ok(values.every((value) => Number.isFinite(value)));
      }),
      { numRuns: 50 },
    );
    t.equal(parseNetworkTotals("no interfaces"), undefined);
    t.equal(parseCoreCount("processor : 0\nBogoMIPS : 108.00\n"), undefined);
  },
);

/** Transaction 1: four bytes of registers, the float 61.5. */
const ANSWER = [0, 1, 0, 0, 0, 7, 255, 3, 4, 0x42, 0x76, 0, 0];

t.test(
  "given the power of outlet 2, when it is read over Modbus, then the bytes are those of the specification",
  async (t) => {
    t.same([...encodeReadRegisters(1, 33042, 2)], [0, 1, 0, 0, 0, 6, 255, 3, 0x81, 0x12, 0, 2]);
    t.same([...(decodeReadRegisters(Uint8Array.from(ANSWER), 1, 2) ?? [])], [0x42, 0x76, 0, 0]);
  },
);

t.test(
  "given a power meter, when it answers, fails, or is silent, then the power or the reason is known",
  async (t) => {
    const read = async (answer: readonly number[] | "silence" | "hang up") => {
      const requests: Buffer[] = [];
      const server = createServer((socket) => {
        socket.on("data", (bytes) => {
          requests.push(bytes);
          if (answer === "hang up") socket.destroy();
          else if (answer !== "silence") for (const byte of answer) socket.write(Uint8Array.of(byte));
        });
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      try {
        return await readActivePower(`127.0.0.1:${port}`, 2, systemClock);
      } finally {
        server.close();
        t.same(requests, [Buffer.from(encodeReadRegisters(1, 33042, 2))]);
      }
    };
    t.equal(await read(ANSWER), 61_500);
    await t.rejects(read([0, 1, 0, 0, 0, 3, 255, 0x83, 2]), {
      code: "EDGELESS_REJECTED",
      message: /exception 2/,
    });
    await t.rejects(read([0, 2, 0, 0, 0, 7]), { code: "EDGELESS_BAD_MESSAGE" });
    await t.rejects(read([...ANSWER.slice(0, 9), 0x7f, 0xc0, 0, 0]), {
      code: "EDGELESS_BAD_MESSAGE",
      message: /number/,
    });
    await t.rejects(read("hang up"), { code: "EDGELESS_UNREACHABLE" });
    await t.rejects(read("silence"), { code: "EDGELESS_TIMEOUT" });
    await t.rejects(readActivePower("127.0.0.1:1", 1, systemClock), { code: "EDGELESS_UNREACHABLE" });
  },
);

t.test(
  "given any bytes, when they are read as an answer of a power meter, then only typed faults come out",
  async (t) => {
    const mutated = fc.tuple(fc.nat(12), fc.nat(255)).map(([at, value]) => ANSWER.with(at, value));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.array(fc.nat(255), { maxLength: 300 })), (bytes) => {
        try {
          const registers = decodeReadRegisters(Uint8Array.from(bytes), 1, 2);
          t.ok(registers === undefined || registers.length === 4);
        } catch (error) {
          t.ok(error instanceof EdgelessError);
        }
      }),
      { numRuns: 300 },
    );
    for (let length = 0; length < ANSWER.length; length++) {
      t.equal(
        decodeReadRegisters(Uint8Array.from(ANSWER.slice(0, length)), 1, 2),
        undefined,
        "more has to come",
      );
    }
  },
);
