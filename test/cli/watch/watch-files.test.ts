import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { watchFiles } from "../../../cli/watch/watch-files.js";
import { FakeClock } from "../../kit/fake-clock.js";

t.test(
  "given files under watch, when one is written, made or removed, then it is told, until the watch ends",
  async (t) => {
    const clock = new FakeClock();
    const folder = t.testdir({ first: "1" });
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    const changed: string[] = [];
    const watch = watchFiles((path) => changed.push(path), clock);
    const told = async () => {
      await clock.advance(100);
      return changed.splice(0);
    };
    watch.files([first, second]);
    // Written at once: what the watch compares with is what was there when it was asked.
    writeFileSync(second, "2");
    t.same(await told(), [second], "made");
    t.same(await told(), []);
    utimesSync(first, 1, 1);
    t.same(await told(), [first], "written with the same size");
    rmSync(first);
    t.same(await told(), [first], "removed");
    watch.files([second]);
    writeFileSync(first, "1");
    t.same(await told(), [], "no longer watched");
    watch.close();
    writeFileSync(second, "more");
    t.same(await told(), []);
    t.equal(clock.pending, 0);
  },
);

t.test(
  "given a file that was written since a time, when it comes under watch, then it is told",
  async (t) => {
    const clock = new FakeClock();
    const folder = t.testdir({ old: "", young: "" });
    const [old, young] = [join(folder, "old"), join(folder, "young")];
    utimesSync(old, 999, 999);
    utimesSync(young, 1001, 1001);
    const changed: string[] = [];
    const watch = watchFiles((path) => changed.push(path), clock);
    watch.files([old, young], 1_000_000);
    t.same(changed.splice(0), [young]);
    watch.files([old, young], 0);
    t.same(changed, [], "it was told before");
    watch.close();
  },
);

t.test(
  "given a closed watch, when a late update names its files, then nothing keeps the process",
  async (t) => {
    const clock = new FakeClock();
    const watch = watchFiles(() => t.fail("the watch is closed"), clock);
    watch.close();
    watch.files([join(t.testdir(), "file")], 0);
    t.equal(clock.pending, 0);
  },
);
