import { randomUUID } from "node:crypto";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  type Action,
  type ActionResultCorrelated,
  ComServiceDefinition,
  type Event,
  type Query,
  type QueryResultCorrelated,
  type SubscriptionFilter,
} from "../../node/resources/dda/generated/com.js";
import {
  type Input,
  InputOperation,
  StateServiceDefinition,
} from "../../node/resources/dda/generated/state.js";
import {
  type Key,
  type KeyValue,
  type Range,
  StoreServiceDefinition,
} from "../../node/resources/dda/generated/store.js";

interface Message {
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

interface Definition {
  readonly fullName: string;
  readonly methods: {
    readonly [name: string]: {
      readonly name: string;
      readonly requestType: unknown;
      readonly responseType: unknown;
      readonly responseStream: boolean;
    };
  };
}

type Stream = ServerWritableStream<unknown, unknown>;

/**
 * A Data Distribution Agent of a test's own, after its public API description: one agent whose subscribers hear what is
 * published through it, a state of one member, and a store in memory.
 */
export class DdaServer {
  readonly events: Event[] = [];
  readonly actions: Action[] = [];
  readonly store = new Map<string, Uint8Array>();
  /** Leaves everything unanswered. */
  isMute = false;
  readonly #listeners = new Map<string, Set<Stream>>();
  readonly #asking = new Map<string, Stream>();
  #server = new Server();
  #port = 0;

  static async start(): Promise<DdaServer> {
    const server = new DdaServer();
    await server.run();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many subscriptions are open. */
  get subscriptions(): number {
    return [...this.#listeners.values()].reduce((sum, streams) => sum + streams.size, 0);
  }

  /** Starts it; again after it ended. */
  async run(): Promise<void> {
    this.#server = new Server();
    this.#server.addService(serviceOf(ComServiceDefinition), this.#com());
    this.#server.addService(serviceOf(StateServiceDefinition), this.#state());
    this.#server.addService(serviceOf(StoreServiceDefinition), this.#storage());
    this.#port = await new Promise((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  /** Ends it with all its connections. */
  kill(): void {
    this.#server.forceShutdown();
    this.#listeners.clear();
    this.#asking.clear();
  }

  /** Publishes as another client of the agent would. */
  publish(pattern: "event" | "input" | "membership", type: string, item: unknown): void {
    this.#tell(`${pattern} ${type}`, item);
  }

  #tell(what: string, item: unknown): void {
    for (const stream of this.#listeners.get(what) ?? []) stream.write(item);
  }

  #listen(what: string, stream: Stream): void {
    const streams = this.#listeners.get(what) ?? new Set();
    this.#listeners.set(what, streams);
    streams.add(stream);
    stream.on("cancelled", () => streams.delete(stream));
  }

  #unary<Request>(handle: (request: Request) => unknown): handleUnaryCall<Request, unknown> {
    return (call, callback) => {
      if (this.isMute) return;
      try {
        callback(null, handle(call.request) ?? {});
      } catch {
        callback({ code: status.INVALID_ARGUMENT, details: "refused" });
      }
    };
  }

  #stream<Request>(
    handle: (request: Request, stream: Stream) => void,
  ): handleServerStreamingCall<Request, unknown> {
    return (call) => {
      call.on("error", () => {});
      if (!this.isMute) handle(call.request, call);
    };
  }

  #com(): UntypedServiceImplementation {
    const listen = (pattern: string) =>
      this.#stream<SubscriptionFilter>(({ type }, stream) => this.#listen(`${pattern} ${type}`, stream));
    const ask = (pattern: string) =>
      this.#stream<Action | Query>((item, stream) => {
        const correlationId = randomUUID();
        if ("params" in item) this.actions.push(item);
        this.#asking.set(correlationId, stream);
        this.#tell(`${pattern} ${item.type}`, { [pattern]: item, correlationId });
        // Nobody listens: a real agent waits; a type that ends with "!" ends at once here.
        if (item.type.endsWith("!")) stream.end();
      });
    const answer = () =>
      this.#unary<ActionResultCorrelated | QueryResultCorrelated>(({ correlationId, result }) => {
        const stream = this.#asking.get(correlationId);
        if (stream === undefined) throw new Error("unknown correlation id");
        stream.write(result);
      });
    return {
      publishEvent: this.#unary<Event>((event) => {
        this.events.push(event);
        this.#tell(`event ${event.type}`, event);
      }),
      subscribeEvent: listen("event"),
      publishAction: ask("action"),
      subscribeAction: listen("action"),
      publishActionResult: answer(),
      publishQuery: ask("query"),
      subscribeQuery: listen("query"),
      publishQueryResult: answer(),
    };
  }

  #state(): UntypedServiceImplementation {
    return {
      proposeInput: this.#unary<Input>((input) => {
        if (input.op === InputOperation.INPUT_OPERATION_UNSPECIFIED) throw new Error("no operation");
        this.#tell("input ", input);
      }),
      observeStateChange: this.#stream((_params, stream) => this.#listen("input ", stream)),
      observeMembershipChange: this.#stream((_params, stream) => this.#listen("membership ", stream)),
    };
  }

  #storage(): UntypedServiceImplementation {
    const { store } = this;
    const keys = (fits: (key: string) => boolean) => [...store.keys()].filter(fits).sort();
    const remove = (fits: (key: string) => boolean) => {
      for (const key of keys(fits)) store.delete(key);
    };
    const scan = (fits: (key: string) => boolean, stream: Stream) => {
      for (const key of keys(fits)) stream.write({ key, value: store.get(key) });
      stream.end();
    };
    const within =
      ({ start, end }: Range) =>
      (key: string) =>
        key >= start && key < end;
    const startsWith = (prefix: Key) => (key: string) => key.startsWith(prefix.key);
    return {
      get: this.#unary<Key>(({ key }) => ({ value: store.get(key) })),
      set: this.#unary<KeyValue>(({ key, value }) => void store.set(key, value)),
      delete: this.#unary<Key>(({ key }) => void store.delete(key)),
      deleteAll: this.#unary(() => store.clear()),
      deletePrefix: this.#unary<Key>((prefix) => remove(startsWith(prefix))),
      deleteRange: this.#unary<Range>((range) => remove(within(range))),
      scanPrefix: this.#stream<Key>((prefix, stream) => scan(startsWith(prefix), stream)),
      scanRange: this.#stream<Range>((range, stream) => scan(within(range), stream)),
    };
  }
}

function serviceOf({ fullName, methods }: Definition): ServiceDefinition {
  const entries = Object.entries(methods).map(([name, method]) => {
    // The generated types of messages have this shape.
    const [request, response] = [method.requestType as Message, method.responseType as Message];
    const definition = {
      path: `/${fullName}/${method.name}`,
      requestStream: false,
      responseStream: method.responseStream,
      requestSerialize: (message: unknown) => Buffer.from(request.encode(message).finish()),
      requestDeserialize: (bytes: Buffer) => request.decode(bytes),
      responseSerialize: (message: unknown) => Buffer.from(response.encode(message).finish()),
      responseDeserialize: (bytes: Buffer) => response.decode(bytes),
    };
    return [name, definition] as const;
  });
  return Object.fromEntries(entries);
}
