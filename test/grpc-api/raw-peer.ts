import { Client, credentials, Metadata, type status } from "@grpc/grpc-js";

/** What a peer without this project's client sees. */
export interface RawOutcome {
  /** gRPC status; 0 is OK. */
  readonly code: status;
  readonly details: string;
  readonly bytes: Uint8Array;
}

/** A client that sends bytes to any method. */
export class RawPeer {
  readonly #client: Client;

  constructor(url: string) {
    this.#client = new Client(url.replace("http://", ""), credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
    });
  }

  /** Calls the method `Service/Method` of the package. */
  call(method: string, bytes: Uint8Array): Promise<RawOutcome> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        `/edgeless_api.${method}`,
        (value: Uint8Array) => Buffer.from(value),
        (value: Buffer) => new Uint8Array(value),
        bytes,
        new Metadata(),
        { deadline: Date.now() + 20_000 },
        (error, value) => {
          if (error === null) resolve({ code: 0, details: "", bytes: value ?? new Uint8Array(0) });
          else resolve({ code: error.code, details: error.details, bytes: new Uint8Array(0) });
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
