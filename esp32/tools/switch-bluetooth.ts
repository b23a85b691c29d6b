import { z } from "zod";
import type { Clock } from "../../core/clock.js";
import { wait } from "../../platform/wait.js";
import type { BoardConsole } from "./board-console.js";

/** By then an interpreter that was told to restart has begun to, milliseconds. */
const BEGUN_MS = 500;

const memorySchema = z.object({ total: z.number() });

/**
 * Switches the Bluetooth of a board on or off, which restarts it; the interpreter remembers it until its flash is erased. Without Bluetooth
 * there are more variables.
 * @returns variables of the interpreter afterwards; undefined when it has no Bluetooth to switch
 * @throws EdgelessError EDGELESS_SERIAL_CONSOLE, EDGELESS_SERIAL_LOST
 */
export async function switchBluetooth(
  console: BoardConsole,
  clock: Clock,
  isOn: boolean,
): Promise<number | undefined> {
  const canSwitch = await console.evaluate('typeof ESP32!="undefined"&&ESP32.enableBLE!==undefined');
  if (canSwitch !== true) return undefined;
  await console.evaluate(`setTimeout(function(){ESP32.enableBLE(${isOn})},100)`);
  await wait(clock, BEGUN_MS);
  await console.attach();
  await console.query(z.unknown(), "echo(0)");
  return (await console.query(memorySchema, "process.memory()")).total;
}
