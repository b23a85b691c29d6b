import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { watchFiles } from "../../../cli/watch/watch-files.js";

const watchers = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("Stat")).length;

t.test("given files under watch, when one is written, then it is told, until the watch ends", async (t) => {
  const [first, second] = [join(t.testdir(), "first"), join(t.testdir(), "second")];
  const changed = await new Promise<string>((resolve) => {
    const watch = watchFiles((path) => {
      watch.close();
      resolve(path);
    });
    watch.files([first, second]);
    t.equal(watchers(), 2);
    writeFileSync(second, "new");
  });
  t.equal(changed, second);
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
