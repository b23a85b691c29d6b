import t from "tap";
import { scd30Check } from "../../embedded/drivers/scd30.js";
import { sink } from "../gateway/kit/gateway-steps.js";
import { NO_ESPRUINO } from "../kit/espruino-board.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { RealBoard } from "./kit/real-board.js";

t.setTimeout(300_000);

/** What an SCD30 answers: three floats in words of two bytes, each with its check byte. */
function frame(co2: number, temperature: number, humidity: number): string {
  const bytes = Buffer.alloc(12);
  bytes.writeFloatBE(co2, 0);
  bytes.writeFloatBE(temperature, 4);
  bytes.writeFloatBE(humidity, 8);
  const words = [0, 2, 4, 6, 8, 10].map((at) => word(bytes[at] ?? 0, bytes[at + 1] ?? 0));
  return words.join("");
}

function word(high: number, low: number): string {
  return Buffer.of(high, low, scd30Check(high, low)).toString("latin1");
}

/** A sensor on the first I2C bus, on which the interpreter for Linux has none: cold at first, then warm. */
const SENSOR = `testCommand=0;testReadings=0;
I2C1.setup=function(){};I2C1.writeTo=function(a,b){testCommand=b[0]};I2C1.readFrom=function(a,n){return E.toUint8Array(atob(
testCommand==2?"${btoa(word(0, 1))}":testReadings++<4?"${btoa(frame(500, 18, 40))}":"${btoa(frame(500, 22, 40))}"))};`;

t.test(
  "given a board with an SCD30 and the memory of a new one, when thermostat runs on it, then the heater is switched by the sensor",
  { skip: NO_ESPRUINO },
  async (t) => {
    const sensor = { class: "scd30-sensor", id: "sensor", sda: 21, scl: 22 };
    const real = await RealBoard.start(t, { before: SENSOR, settings: { providers: [sensor] } });
    t.comment(`${await real.idleVariables()} variables are free with the sensor`);
    const thermostat = await real.request(
      "thermostat",
      shippedModule("thermostat"),
      { heater: sink(71), log: sink(72) },
      { "init-payload": "low=19.5,high=20.5" },
    );
    await eventually("running", () => real.rig.stateOf(thermostat) === "running", 60_000);
    t.comment(`${await real.idleVariables()} with the function`);
    const configuration = new Map([["delay", "1"]]);
    const started = await real.agent.startResource({
      classType: "scd30-sensor",
      configuration,
      workflowId: "",
    });
    if (!started.ok) throw new Error(started.error.detail);
    const source = started.value.functionId;
    await real.agent.patchResource({ source, outputs: new Map([["data_out", thermostat]]) });

    const texts = (to: number) => real.rig.payloads(uuid(to));
    await eventually("both switched", () => texts(72).length >= 2 && texts(71).length >= 2, 60_000);
    t.same(texts(72), ["heater on at 18.00000", "heater off at 22.00000"]);
    t.same(texts(71), ["1", "0"]);
    t.comment(`${await real.idleVariables()} with its events`);
    t.equal(real.board.starts, 1);
    t.notMatch(real.printed, /OUT OF MEMORY/);
  },
);
