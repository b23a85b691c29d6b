/**
 * Every error that a user can meet: its number (all that travels on a constrained link) and one line of help.
 * `docs/errors.md` lists the same codes; a test keeps the two equal. Numbers are never reused.
 */
export const ERRORS = {
  EDGELESS_INTERNAL: { number: 1, help: "This is a defect of edgeless-ts: please report it with the log." },
  EDGELESS_BAD_UUID: { number: 10, help: "Write a UUID as 8-4-4-4-12 hexadecimal digits." },
  EDGELESS_BAD_URL: {
    number: 11,
    help: "Write scheme://host:port with an explicit port; schemes: http, https, coap.",
  },
  EDGELESS_BAD_MESSAGE: {
    number: 12,
    help: "The peer sent a message that the API does not allow; nothing was executed.",
  },
  EDGELESS_BAD_CONFIG: {
    number: 20,
    help: "Compare the file with a fresh one made by the same command with -t FILE.",
  },
  EDGELESS_CONFIG_MISSING: { number: 21, help: "Create a default file with -t FILE, then edit it." },
  EDGELESS_FILE_EXISTS: { number: 22, help: "Choose another name or remove the file first." },
  EDGELESS_FILE_UNREADABLE: { number: 23, help: "Check the path and its permissions." },
  EDGELESS_PORT_IN_USE: {
    number: 24,
    help: "Stop the other program or choose another port in the configuration.",
  },
  EDGELESS_CANNOT_BIND: {
    number: 25,
    help: "Use an address of this machine, for example 127.0.0.1 or 0.0.0.0.",
  },
  EDGELESS_STORE_LOCKED: {
    number: 26,
    help: "Another process uses this state folder: stop it or choose another path.",
  },
  EDGELESS_STORE_BROKEN: {
    number: 27,
    help: "Move the state folder away to start empty; keep it for a report.",
  },
  EDGELESS_STORE_FULL: {
    number: 28,
    help: "Make room on the disk of the state folder; nothing has to be started again.",
  },
  EDGELESS_UNREACHABLE: { number: 30, help: "Check that the other process runs and that its URL is right." },
  EDGELESS_TIMEOUT: { number: 31, help: "The peer did not answer in time; it may be overloaded or gone." },
  EDGELESS_REJECTED: { number: 32, help: "Read the reason; correct the request and try again." },
  EDGELESS_BAD_WORKFLOW: { number: 40, help: "Correct the workflow file at the named place." },
  EDGELESS_UNKNOWN_WORKFLOW: { number: 41, help: "List the known workflows with: edgeless workflow list" },
  EDGELESS_NO_DOMAIN: {
    number: 42,
    help: "Compare with what the domains offer: edgeless domain inspect all",
  },
  EDGELESS_UNKNOWN_DOMAIN: { number: 43, help: "List the known domains with: edgeless domain list" },
  EDGELESS_NO_NODE: { number: 44, help: "Add a node that fits, or relax the deployment requirements." },
  EDGELESS_UNKNOWN_CLASS: {
    number: 45,
    help: "See what a node offers with: edgeless node --available-resources",
  },
  EDGELESS_BAD_RESOURCE_CONFIG: {
    number: 46,
    help: "See the configuration keys with: edgeless node --available-resources",
  },
  EDGELESS_UNKNOWN_INSTANCE: {
    number: 47,
    help: "The instance was stopped or moved; inspect the workflow again.",
  },
  EDGELESS_NOT_RUNNING: {
    number: 48,
    help: "The workflow stays and goes on trying; see edgeless workflow status ID, or end it with edgeless workflow stop ID.",
  },
  EDGELESS_BAD_WASM: {
    number: 50,
    help: "Rebuild the function, then check it with: edgeless function inspect FILE.wasm",
  },
  EDGELESS_WASM_ABI: {
    number: 51,
    help: "A function must keep to the EDGELESS guest ABI: see docs/function-image.md",
  },
  EDGELESS_WASM_TOO_LARGE: {
    number: 52,
    help: "Build the function with the tiny profile or raise the limit of the node.",
  },
  EDGELESS_FUNCTION_TRAPPED: {
    number: 53,
    help: "See its log lines; a function built with --profile debug says there where it trapped, and why.",
  },
  EDGELESS_FUNCTION_OUT_OF_TIME: {
    number: 54,
    help: "The handler ran too long; raise max_run_time_ms or do less per event.",
  },
  EDGELESS_FUNCTION_OUT_OF_MEMORY: {
    number: 55,
    help: "Raise max_memory_mib of the node or use less memory.",
  },
  EDGELESS_COMPILE: { number: 56, help: "Correct the source at the named line." },
  EDGELESS_CONTAINER_CODE: {
    number: 57,
    help: "Write container:IMAGE[:TAG] or grpc:http://HOST:PORT as the code of the function class.",
  },
  EDGELESS_CONTAINER_IMAGE: {
    number: 58,
    help: "Build or pull the image on the node; it must expose the TCP port of its function.",
  },
  EDGELESS_CONTAINER_ENGINE: {
    number: 59,
    help: "Check that Docker or Podman runs and that engine_socket of the node is its socket.",
  },
  EDGELESS_IMAGE_NOT_HELD: {
    number: 70,
    help: "The device does not hold the function's image; the gateway uploads it first.",
  },
  EDGELESS_DEVICE_FULL: {
    number: 71,
    help: "Stop something on the device or raise the limit in its settings.",
  },
  EDGELESS_QUARANTINED: {
    number: 72,
    help: "Correct the function: its image ended several boots of the device. A firmware update lifts this.",
  },
  EDGELESS_UPDATE_DAMAGED: {
    number: 73,
    help: "Repeat the update: a file of the firmware did not arrive whole.",
  },
  EDGELESS_UPDATE_FAILED: {
    number: 74,
    help: "The device keeps its former firmware; look at its logs, then repeat the update.",
  },
  EDGELESS_SERIAL_PORT: {
    number: 80,
    help: "List the boards with: edgeless esp32 list; end other programs that use the port.",
  },
  EDGELESS_SERIAL_SILENT: {
    number: 81,
    help: "Hold BOOT, press and release EN (RESET), let BOOT go, try again; use a cable that carries data.",
  },
  EDGELESS_SERIAL_LOST: {
    number: 82,
    help: "Plug the cable in again and repeat the command: every step can be repeated.",
  },
  EDGELESS_SERIAL_VERIFY: {
    number: 83,
    help: "Repeat with a lower speed (--baud 115200) and a shorter cable.",
  },
  EDGELESS_SERIAL_CONSOLE: {
    number: 84,
    help: "Press EN (RESET) and repeat; a board without Espruino wants edgeless esp32 flash first.",
  },
  EDGELESS_BAD_FIRMWARE: {
    number: 85,
    help: "Take a release of Espruino for this chip: edgeless esp32 firmware fetch.",
  },
  EDGELESS_BOARD_FULL: {
    number: 86,
    help: "Empty the board's storage with --clear.",
  },
  EDGELESS_BOARD_NOT_REGISTERED: {
    number: 87,
    help: "Watch the board with edgeless esp32 monitor; check Wi-Fi, gateway address and firewall.",
  },
  EDGELESS_BAD_PACKAGE: {
    number: 61,
    help: "Correct function.json at the named line; edgeless function new NAME makes one to compare with.",
  },
  EDGELESS_USAGE: { number: 60, help: "See: edgeless --help" },
} as const;

/** Stable code of an error. */
export type ErrorCode = keyof typeof ERRORS;

/** An error with a stable code, one sentence for a person, a cause and one line of help. */
export class EdgelessError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "EdgelessError";
    this.code = code;
  }

  /** What the reader can do about it, in one line. */
  get help(): string {
    return ERRORS[this.code].help;
  }

  /** The number that stands for the code on a constrained link. */
  get number(): number {
    return ERRORS[this.code].number;
  }
}

/** The sentence of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
