import type { DeviceDetail, DeviceSummary } from "./device-client.js";
import { alignColumns } from "./format.js";

/** A device as the cells of one line. */
export function formatDeviceRow(device: DeviceSummary): string[] {
  const { id, name, present, board, last_seen, free_memory_bytes, instances, round_trip_ms, loss } = device;
  return [
    name,
    id,
    present ? "present" : "absent",
    board,
    `last seen ${last_seen}`,
    `${Math.round(free_memory_bytes / 1024)} KiB free`,
    `${instances} instances`,
    round_trip_ms === null ? "" : `${round_trip_ms.toFixed(0)} ms round trip`,
    loss === null ? "" : `${(loss * 100).toFixed(1)} % loss`,
  ];
}

/** All that is known of a device, over several lines. */
export function formatDeviceDetail(device: DeviceDetail): string {
  const facts = [
    ["id", device.id],
    ["name", device.name],
    ["board", device.board],
    ["address", device.address],
    ...firmwareRows(device),
    ["state", device.present ? "present" : "absent"],
    ["last seen", device.last_seen],
    ["up for", device.uptime_seconds === null ? "unknown" : `${device.uptime_seconds} s`],
    ["free memory", `${device.free_memory_bytes} bytes`],
    ["round trip", device.round_trip_ms === null ? "unknown" : `${device.round_trip_ms.toFixed(1)} ms`],
    ["loss", device.loss === null ? "unknown" : `${(device.loss * 100).toFixed(2)} %`],
    ["waiting events", `${device.queued_events}`],
    ["run-times", device.runtimes.join(", ")],
    ["labels", device.labels.join(", ")],
    ["resources", device.providers.map(({ class_type }) => class_type).join(", ")],
    ["images", device.images.join(", ")],
    [
      "limits",
      `image ${device.limits.image_bytes} bytes, ${device.limits.instances} instances, ` +
        `memory of a function ${device.limits.function_memory_bytes} bytes, payload ${device.limits.payload_bytes} bytes`,
    ],
    [
      "counters",
      Object.entries(device.counters)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
    ],
  ];
  const components = device.components.map(({ kind, name, state, restarts, reason, id }) => [
    `* ${kind} ${name}`,
    state,
    id,
    restarts > 0 ? `restarts ${restarts}` : "",
    reason,
  ]);
  return [alignColumns(facts), alignColumns(components)].filter((part) => part !== "").join("\n");
}

function firmwareRows({ firmware }: DeviceDetail): string[][] {
  if (firmware === null) return [];
  const { version, state, update } = firmware;
  const rows = [["firmware", `${version} ${state}`]];
  if (update === null) return rows;
  const percent = Math.floor((100 * update.sent_bytes) / Math.max(1, update.total_bytes));
  const how = update.state === "sending" ? `sending, ${percent} %` : update.state;
  rows.push(["update", `${update.version} ${how}${update.reason === "" ? "" : `: ${update.reason}`}`]);
  return rows;
}
