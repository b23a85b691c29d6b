import type { EndpointCounters } from "../coap-api/endpoint/counters.js";
import type { DeviceRegistry } from "./device-registry.js";
import type { GatewayFigures } from "./gateway-metrics.js";
import type { ImageLibrary } from "./image-library.js";

/** What the metrics page shows of the devices. */
export function figuresOf(
  registry: DeviceRegistry,
  images: ImageLibrary,
  coap: EndpointCounters,
): GatewayFigures {
  const instances = new Map<string, number>();
  let queued = 0;
  for (const device of registry.devices) {
    queued += device.events.queueLength;
    for (const { state } of device.plan.instances) instances.set(state, (instances.get(state) ?? 0) + 1);
  }
  const { present } = registry;
  return { present, absent: registry.devices.length - present, instances, queued, images: images.size, coap };
}
