import { createInterface } from "node:readline";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { EmulatedDevice } from "../../emulator/emulated-device.js";
import type { Fleet } from "../../emulator/fleet.js";

const HELP = `list                          the devices, registered or not
show DEVICE                   instances, display, pins, memory and counters of a device
press DEVICE PIN              press and release a button: the pin goes high and low again
set DEVICE PIN 0|1            put a level on an input
analog DEVICE PIN 0..1        put a voltage on an input
sensor DEVICE CO2 HUM TEMP    what the SCD30 measures from now on; without numbers: its model again
unplug DEVICE                 pull the plug
plug DEVICE                   give it power again
quit                          end all`;

const STATES = ["starting", "running", "crashed", "failed"];

/**
 * Lets a person act on emulated devices, one command a line; devices are numbered from 1.
 * @returns when the input ends or says quit
 */
export async function runConsole(
  fleet: Fleet,
  input: NodeJS.ReadableStream,
  say: (line: string) => void,
): Promise<void> {
  say(HELP);
  for await (const line of createInterface({ input })) {
    const [command = "", ...words] = line.trim().split(/\s+/);
    if (command === "quit") return;
    try {
      if (command !== "") act(fleet, command, words, say);
    } catch (error) {
      say(`Error: ${reasonOf(error)}`);
    }
  }
}

function act(fleet: Fleet, command: string, words: readonly string[], say: (line: string) => void): void {
  if (command === "help") {
    say(HELP);
    return;
  }
  if (command === "list") {
    for (const [index, { nodeId, device }] of fleet.devices.entries()) {
      const state =
        device === undefined ? "without power" : device.isRegistered() ? "registered" : "not registered";
      say(`${index + 1}  ${nodeId}  ${state}`);
    }
    return;
  }
  const [key = "", pin = "", value = ""] = words;
  const device = find(fleet, key);
  if (command === "show") show(device, say);
  else if (command === "press") {
    device.pins.set(pin, 1);
    device.pins.set(pin, 0);
  } else if (command === "set") device.pins.set(pin, numberOf(value) === 0 ? 0 : 1);
  else if (command === "analog") device.pins.setAnalog(pin, numberOf(value));
  else if (command === "sensor") {
    const [co2, humidity, temperature] = words.slice(1).map(numberOf);
    device.scd30.override =
      co2 === undefined || humidity === undefined || temperature === undefined
        ? undefined
        : { co2, humidity, temperature };
  } else if (command === "unplug") device.powerOff();
  else if (command === "plug") device.powerOn();
  else throw new EdgelessError("EDGELESS_USAGE", `unknown command ${command}; help lists them`);
}

function show({ nodeId, device, display, pins, flash }: EmulatedDevice, say: (line: string) => void): void {
  say(`node ${nodeId}`);
  say(`display: ${display.text.replaceAll("\n", " | ")}`);
  for (const name of pins.names()) say(`pin ${name}: ${pins.read(name)}`);
  say(`flash: ${flash.freeBytes()} bytes free`);
  if (device === undefined) {
    say("without power");
    return;
  }
  const { freeMemoryBytes, uptimeSeconds, instances, counters } = device.status();
  say(`memory: ${freeMemoryBytes} bytes free; up for ${uptimeSeconds} s; counters ${counters.join(" ")}`);
  for (const { handle, state, reason } of instances)
    say(`instance ${handle}: ${STATES[state] ?? state} ${reason}`);
}

function find(fleet: Fleet, key: string): EmulatedDevice {
  const device =
    fleet.devices[Number(key) - 1] ??
    fleet.devices.find(({ nodeId }) => key !== "" && nodeId.startsWith(key));
  if (device === undefined) throw new EdgelessError("EDGELESS_USAGE", `no device ${key}; list shows them`);
  return device;
}

function numberOf(text: string): number {
  const value = Number(text);
  if (text === "" || Number.isNaN(value))
    throw new EdgelessError("EDGELESS_USAGE", `not a number: "${text}"`);
  return value;
}
