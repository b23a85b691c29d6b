import type { Command } from "commander";

/** Adds the options that say what a board is to be. */
export function withSettingsOptions(command: Command): Command {
  return command
    .option("--name <NAME>", "name of the board")
    .option("--wifi <NETWORK>", "network to join; may be repeated, the preferred one first", collect)
    .option("--no-wifi", "the board needs no Wi-Fi")
    .option("--wifi-file <FILE>", 'networks as JSON: [{"ssid": "...", "password": "..."}]')
    .option("--gateway <HOST[:PORT]>", "the gateway, as the board reaches it")
    .option("--board-profile <NAME>", "where things are wired (default: by the firmware of the board)")
    .option("--provider <SPEC>", "a resource provider, CLASS[=ID][,KEY=VALUE...]; may be repeated", collect)
    .option("--providers <FILE>", "resource providers as JSON")
    .option("--label <LABEL>", "label of the node; may be repeated", collect)
    .option("--lifetime <SECONDS>", "silence after which the gateway gives the board up")
    .option("--led <PIN>", "pin of the light that shows the state, or none")
    .option("--telnet", "leave the console open to everyone in the network, passwords included")
    .option("--no-telnet", "close it again")
    .option("--device-port <PORT>", "UDP port of the board (default: that of CoAP)")
    .option("--runtime <DIR>", "folder with another build of the device runtime");
}

function collect(value: string, previous: unknown): string[] {
  return Array.isArray(previous) ? [...previous, value] : [value];
}
