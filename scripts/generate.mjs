/*
 * Generates the TypeScript of gRPC messages and services: from the folder `proto` of each place into `generated` beside it.
 * Works offline. Does nothing while its inputs (the .proto files, the generators, this file) are unchanged.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const script = fileURLToPath(import.meta.url);
const root = dirname(dirname(script));
/** The folders with a `proto`. */
const PLACES = ["grpc-api", "node/resources/dda"];

/** Options of ts-proto: 64-bit numbers as bigint, maps as Map, oneof as a union, everything read-only. */
const OPTIONS = [
  "importSuffix=.js",
  "esModuleInterop=true",
  "forceLong=bigint",
  "useMapType=true",
  "oneof=unions-value",
  "useReadonlyTypes=true",
  "useExactTypes=false",
  "outputJsonMethods=false",
  "outputPartialMethods=false",
  "outputServices=generic-definitions",
  "unrecognizedEnum=false",
  "exportCommonSymbols=false",
];

/** Brings what is generated up to date; the places where something had to be generated. */
export function generate() {
  return PLACES.filter((place) => generateAt(join(root, place)));
}

function generateAt(place) {
  const protos = join(place, "proto");
  const generated = join(place, "generated");
  const stamp = join(generated, ".stamp");
  const fingerprint = fingerprintOfInputs(protos);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint) return false;
  rmSync(generated, { recursive: true, force: true });
  const template = {
    version: "v2",
    plugins: [
      {
        local: [process.execPath, pathOfBin("ts-proto", "protoc-gen-ts_proto")],
        out: generated,
        opt: OPTIONS,
        include_imports: true,
        include_wkt: true,
      },
    ],
  };
  execFileSync(
    process.execPath,
    [pathOfBin("@bufbuild/buf", "buf"), "generate", "--template", JSON.stringify(template), protos],
    { cwd: root, stdio: "inherit" },
  );
  const messages = join(generated, "messages.ts");
  // Only the messages of EDGELESS come from peers of any kind.
  if (existsSync(messages)) writeFileSync(messages, refuseMalformed(readFileSync(messages, "utf8")));
  writeFileSync(stamp, fingerprint);
  return true;
}

/**
 * Makes the generated decoders as strict as those of other implementations. As generated they end quietly at a zero
 * tag, read past the end of a sub-message and skip map entries without a value.
 */
function refuseMalformed(source) {
  const decoders = source.split(" decode(input: ").length - 2;
  const replace = (text, pattern, replacement, expected) => {
    const found = text.match(pattern)?.length ?? 0;
    if (found !== expected)
      throw new Error(`ts-proto changed its output: ${found} of ${expected} ${pattern}`);
    return text.replace(pattern, replacement);
  };
  let text = replace(
    source,
    /if \(\(tag & 7\) === 4 \|\| tag === 0\) \{\s*break;/g,
    'if ((tag & 7) === 4 || tag >>> 3 === 0) {\n          throw new globalThis.Error("invalid field tag");',
    decoders,
  );
  text = replace(
    text,
    /return message;(\s*\} finally)/g,
    'if (reader.pos !== end) throw new globalThis.Error("a field is longer than its message");\n      return message;$1',
    decoders,
  );
  return replace(
    text,
    /if \((entry\d+)\.value !== undefined\) \{(\s*message\.\w+\.set\(\1\.key, \1\.value\);\s*)\}/g,
    'if ($1.value === undefined) throw new globalThis.Error("a map entry has no value");$2',
    source.match(/_\w+Entry: MessageFns</g)?.length ?? 0,
  );
}

function fingerprintOfInputs(protos) {
  const hash = createHash("sha256");
  const inputs = readdirSync(protos)
    .sort()
    .map((name) => join(protos, name));
  inputs.push(script, manifestOf("ts-proto"), manifestOf("@bufbuild/buf"));
  for (const path of inputs) {
    const content = readFileSync(path);
    hash.update(`${relative(root, path)} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

function manifestOf(name) {
  return createRequire(script).resolve(`${name}/package.json`);
}

function pathOfBin(name, bin) {
  const manifest = manifestOf(name);
  return join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin[bin]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const done = generate();
  console.log(done.length > 0 ? `generated for ${done.join(", ")}` : "everything generated is up to date");
}
