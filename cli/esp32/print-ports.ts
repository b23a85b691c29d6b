import { listPorts } from "../../esp32/tools/port-list.js";
import { alignColumns } from "../format.js";
import type { Output } from "../output.js";

/** Prints the serial ports that look like boards, or all. @throws EdgelessError EDGELESS_SERIAL_PORT */
export async function printPorts(all: boolean, output: Output): Promise<void> {
  const ports = await listPorts();
  const shown = all ? ports : ports.filter(({ likely }) => likely);
  output.result(
    alignColumns(shown.map(({ path, board, usb, serialNumber }) => [path, board, usb, serialNumber])),
    shown,
  );
  if (shown.length > 0) return;
  const others = ports.length === 1 ? "1 other port" : `${ports.length} other ports`;
  const hidden = ports.length === 0 ? "" : `; ${others}: --all shows them`;
  output.note(`no board is plugged in${hidden}`);
}
