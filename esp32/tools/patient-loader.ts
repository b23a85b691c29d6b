import { ESPLoader, Transport } from "esptool-js";

/** The library's transport without its output to the console. */
export class QuietTransport extends Transport {
  override trace(): void {}
}

/** The library's loader with time for slow lines: it gives the stub only 200 ms to start. */
export class PatientLoader extends ESPLoader {
  override async memFinish(entryPoint: number): Promise<void> {
    const stays = entryPoint === 0 ? 1 : 0;
    const payload = new Uint8Array([...this._intToByteArray(stays), ...this._intToByteArray(entryPoint)]);
    await this.checkCommand("leave RAM download mode", this.ESP_MEM_END, payload);
  }
}
