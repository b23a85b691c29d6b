import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { makeFolder } from "../../platform/make-folder.js";

/** On every Linux: a file system where no folder can be made, whoever asks. */
const KERNEL_FILES = "/proc";

t.test(
  "given a path whose folders are missing, when a folder is made there, then all of them are",
  async (t) => {
    const place = mkdtempSync(join(tmpdir(), "edgeless-files-"));
    t.teardown(() => rmSync(place, { recursive: true }));
    const path = join(place, "a", "b", "c");
    makeFolder(path);
    makeFolder(path);
    t.ok(statSync(path).isDirectory());
    writeFileSync(join(place, "file"), "");
    const message = /file cannot be made: there is a file of that name$/;
    t.throws(() => makeFolder(join(place, "file")), { code: "EDGELESS_FILE_UNREADABLE", message });
    t.throws(() => makeFolder(join(place, "file", "in it")), { code: "EDGELESS_FILE_UNREADABLE", message });
    writeFileAtomically(join(place, "d", "file"), "text");
    t.equal(readFileSync(join(place, "d", "file"), "utf8"), "text");
  },
);

t.test(
  "given a place where no folder can be made, when one is asked for, then that is said at once",
  {
    skip: process.platform === "linux" ? false : "has no such place",
  },
  async (t) => {
    const path = join(KERNEL_FILES, "edgeless", "state");
    t.throws(() => makeFolder(path), { message: "no folder can be made in /proc" });
    t.throws(() => writeFileAtomically(join(path, "file"), ""), {
      message: "no folder can be made in /proc",
    });
  },
);
