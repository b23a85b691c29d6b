// Writes docs/function-sizes.md from the modules in dist/functions.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./freshness.mjs";

const { sizeTable } = await import("../dist/toolchain/assemblyscript/size-table.js");
writeFileSync(join(ROOT, "docs", "function-sizes.md"), await sizeTable(ROOT));
