import { appendFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { watchFiles } from "../../../cli/watch/watch-files.js";
import { eventually } from "../../kit/eventually.js";

const watchers = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("Stat")).length;

t.test("given files under watch, when one is written, then it is told, until the watch ends", async (t) => {
  const folder = t.testdir();
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  const changed: string[] = [];
  const watch = watchFiles((path) => changed.push(path));
  watch.files([first, second]);
  t.equal(watchers(), 2);
  await eventually("the change", () => {
    appendFileSync(second, "more");
    return changed.length > 0;
  });
  t.ok(changed.every((path) => path === second));
  watch.close();
  t.equal(watchers(), 0);
});

t.test(
  "given a closed watch, when a late update names its files, then nothing keeps the process",
  async (t) => {
    const watch = watchFiles(() => t.fail("the watch is closed"));
    watch.close();
    watch.files([join(t.testdir(), "file")]);
    t.equal(watchers(), 0);
  },
);
