import { DeviceFault } from "../../../embedded/device-fault.js";
import { type GuestImports, SUSPEND } from "../../../embedded/engine.js";
import { GUEST_EXPORT_NAMES } from "../../../embedded/guest-exports.js";
import { TranslatedGuest } from "../../../embedded/translated-guest.js";
import type { GuestExport } from "../../../toolchain/image/guest-abi.js";
import { translateModule } from "../../../toolchain/translate/translate.js";
import { evaluateTranslated } from "../../kit/translated-image.js";
import type { Run } from "../image/guest-runs.js";

/** Bytes of the memory that the programs of the tests use. */
const USED_MEMORY = 1024;

/** Thrown when a translated function takes too many turns. */
export class OutOfTurns extends Error {
  override readonly name = "OutOfTurns";
}

/** A clock that ends whoever looks at it more than `limit` times. */
function impatientClock(limit: number): () => number {
  let left = limit;
  return () => {
    left -= 1;
    if (left < 0) throw new OutOfTurns();
    return 0;
  };
}

/** Runs the translated module as `runPrepared` does the prepared one; the call with number n is suspended when `suspends(n)`. */
export function runTranslated(
  wasm: Uint8Array,
  name: GuestExport,
  suspends: (call: number) => boolean,
  turns = 20_000,
): Run & { readonly suspensions: number } {
  const calls: string[] = [];
  let suspensions = 0;
  const memory = () => Buffer.from(guest.memory().buffer, 0, USED_MEMORY);
  const log = (imported: string, args: readonly number[]) =>
    void calls.push(`${imported}(${args.join()}) ${memory().toString("base64")}`);
  const answer = () => {
    memory()[(calls.length * 37) % 256] = calls.length;
    return (calls.length * 11) % 3;
  };
  const note =
    (imported: string) =>
    (...args: number[]) =>
      void log(imported, args);
  const call =
    (imported: string) =>
    (...args: number[]) => {
      log(imported, args);
      return suspends(calls.length) ? SUSPEND : answer();
    };
  const imports: GuestImports = {
    cast_asm: note("cast_asm"),
    cast_raw_asm: note("cast_raw_asm"),
    call_asm: call("call_asm"),
    call_raw_asm: call("call_raw_asm"),
    delayed_cast_asm: note("delayed_cast_asm"),
    telemetry_log_asm: note("telemetry_log_asm"),
    slf_asm: note("slf_asm"),
    sync_asm: note("sync_asm"),
  };
  const { code } = translateModule(wasm, { maxMemoryBytes: 1 << 20 });
  const guest = new TranslatedGuest(evaluateTranslated(code), imports, impatientClock(turns), 1);
  let end = "returned";
  try {
    guest.run(GUEST_EXPORT_NAMES.indexOf(name), 1, 2, 3, 4);
    while (guest.suspended) {
      suspensions += 1;
      guest.resume(answer);
    }
  } catch (thrown) {
    if (thrown instanceof OutOfTurns) end = "out of fuel";
    else if (thrown instanceof DeviceFault) end = `trapped: ${thrown.reason}`;
    else throw thrown;
  }
  return { end, memory: memory().toString("base64"), calls, suspensions };
}
