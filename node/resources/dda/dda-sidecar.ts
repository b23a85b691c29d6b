import { EdgelessError } from "../../../core/errors.js";
import type { OpenStream, StreamClient } from "../../../grpc-api/index.js";
import type { Publication, Subscription } from "./dda-mappings.js";
import { type DdaRequest, encodeMessage } from "./dda-message.js";
import { ComServiceDefinition } from "./generated/com.js";
import { InputOperation, StateServiceDefinition } from "./generated/state.js";
import { StoreServiceDefinition } from "./generated/store.js";

/** Longest wait for an operation, milliseconds. */
const CALL_TIMEOUT_MS = 5_000;
/** Longest wait for the first result of an action or a query, milliseconds. */
const RESULT_TIMEOUT_MS = 30_000;

const Com = ComServiceDefinition;
const State = StateServiceDefinition;
const Store = StoreServiceDefinition;

/** The API of a Data Distribution Agent in terms of the messages of functions. */
export class DdaSidecar {
  readonly #client: StreamClient;
  readonly #publications: ReadonlyMap<string, Publication>;
  readonly #source: string;

  /** @param source what published events, actions and queries name as their source */
  constructor(client: StreamClient, publications: ReadonlyMap<string, Publication>, source: string) {
    this.#client = client;
    this.#publications = publications;
    this.#source = source;
  }

  /**
   * Does what a function asks for.
   * @returns the text of the answer
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, EDGELESS_REJECTED, EDGELESS_BAD_MESSAGE
   */
  async perform(request: DdaRequest): Promise<string> {
    switch (request.name) {
      case "ComPublishEvent":
      case "ComPublishAction":
      case "ComPublishQuery":
        return await this.#publish(request.name, ...request.fields);
      case "ComPublishActionResult":
      case "ComPublishQueryResult":
        return await this.#publishResult(request.name, ...request.fields);
      case "StatePublishSet":
        return await this.#propose(InputOperation.INPUT_OPERATION_SET, ...request.fields);
      case "StatePublishDelete":
        return await this.#propose(InputOperation.INPUT_OPERATION_DELETE, request.fields, new Uint8Array());
      default:
        return await this.#store(request);
    }
  }

  /**
   * Listens as a mapping says.
   * @param item takes the message for the function
   * @param ended called when the stream is over
   * @returns undefined for a pattern that nothing can be listened to with
   */
  subscribe(
    { pattern, topic }: Subscription,
    item: (message: string) => void,
    ended: (reason: EdgelessError | undefined) => void,
  ): OpenStream | undefined {
    const filter = { type: topic, share: "" };
    switch (pattern) {
      case "event":
        return this.#client.open(Com, Com.methods.subscribeEvent, filter, {
          item: ({ data }) => item(encodeMessage("ComSubscribeEvent", data)),
          ended,
        });
      case "action":
        return this.#client.open(Com, Com.methods.subscribeAction, filter, {
          item: ({ correlationId, action }) =>
            item(encodeMessage("ComSubscribeAction", correlationId, action?.params ?? new Uint8Array())),
          ended,
        });
      case "query":
        return this.#client.open(Com, Com.methods.subscribeQuery, filter, {
          item: ({ correlationId, query }) =>
            item(encodeMessage("ComSubscribeQuery", correlationId, query?.data ?? new Uint8Array())),
          ended,
        });
      case "input":
        return this.#client.open(
          State,
          State.methods.observeStateChange,
          {},
          {
            item: ({ op, key, value }) => {
              if (op === InputOperation.INPUT_OPERATION_SET)
                item(encodeMessage("StateSubscribeSet", key, value));
              if (op === InputOperation.INPUT_OPERATION_DELETE)
                item(encodeMessage("StateSubscribeDelete", key));
            },
            ended,
          },
        );
      case "membership":
        return this.#client.open(
          State,
          State.methods.observeMembershipChange,
          {},
          {
            item: ({ id, joined }) => item(encodeMessage("StateSubscribeMembershipChange", id, joined)),
            ended,
          },
        );
      default:
        return undefined;
    }
  }

  async #publish(
    name: "ComPublishEvent" | "ComPublishAction" | "ComPublishQuery",
    alias: string,
    data: Uint8Array,
  ): Promise<string> {
    const pattern = { ComPublishEvent: "event", ComPublishAction: "action", ComPublishQuery: "query" }[name];
    const publication = this.#publications.get(alias);
    if (publication?.pattern !== pattern)
      throw new EdgelessError(
        "EDGELESS_REJECTED",
        `the alias "${alias.slice(0, 60)}" publishes no ${pattern}`,
      );
    const head = { type: publication.topic, id: "0", source: this.#source, dataContentType: "" };
    if (name === "ComPublishEvent") {
      await this.#client.call(Com, Com.methods.publishEvent, { ...head, time: "", data }, CALL_TIMEOUT_MS);
      return "";
    }
    const result =
      name === "ComPublishAction"
        ? await this.#client.first(
            Com,
            Com.methods.publishAction,
            { ...head, params: data },
            RESULT_TIMEOUT_MS,
          )
        : await this.#client.first(Com, Com.methods.publishQuery, { ...head, data }, RESULT_TIMEOUT_MS);
    if (result === undefined) throw new EdgelessError("EDGELESS_REJECTED", `the ${pattern} had no result`);
    return encodeMessage(
      name === "ComPublishAction" ? "ComSubscribeActionResult" : "ComSubscribeQueryResult",
      result.data,
    );
  }

  async #publishResult(
    name: "ComPublishActionResult" | "ComPublishQueryResult",
    correlationId: string,
    data: Uint8Array,
  ): Promise<string> {
    const { publishActionResult, publishQueryResult } = Com.methods;
    const result = { context: this.#source, data, dataContentType: "", sequenceNumber: 0n };
    const method = name === "ComPublishActionResult" ? publishActionResult : publishQueryResult;
    await this.#client.call(Com, method, { result, correlationId }, CALL_TIMEOUT_MS);
    return "";
  }

  async #propose(op: InputOperation, key: string, value: Uint8Array): Promise<string> {
    await this.#client.call(State, State.methods.proposeInput, { op, key, value }, CALL_TIMEOUT_MS);
    return "";
  }

  async #store(request: Extract<DdaRequest, { name: `Store${string}` }>): Promise<string> {
    const client = this.#client;
    const { methods } = Store;
    switch (request.name) {
      case "StoreGet": {
        const { value } = await client.call(Store, methods.get, { key: request.fields }, CALL_TIMEOUT_MS);
        return encodeMessage("StoreGetResult", value ?? new Uint8Array());
      }
      case "StoreScanPrefix": {
        const prefix = { key: request.fields };
        const found = await client.first(Store, methods.scanPrefix, prefix, CALL_TIMEOUT_MS);
        return encodeMessage("StoreScanPrefixResult", found?.key ?? "", found?.value ?? new Uint8Array());
      }
      case "StoreScanRange": {
        const [start, end] = request.fields;
        const found = await client.first(Store, methods.scanRange, { start, end }, CALL_TIMEOUT_MS);
        return encodeMessage("StoreScanRangeResult", found?.key ?? "", found?.value ?? new Uint8Array());
      }
      case "StoreSet": {
        const [key, value] = request.fields;
        await client.call(Store, methods.set, { key, value }, CALL_TIMEOUT_MS);
        return "";
      }
      case "StoreDelete":
        await client.call(Store, methods.delete, { key: request.fields }, CALL_TIMEOUT_MS);
        return "";
      case "StoreDeleteAll":
        await client.call(Store, methods.deleteAll, {}, CALL_TIMEOUT_MS);
        return "";
      case "StoreDeletePrefix":
        await client.call(Store, methods.deletePrefix, { key: request.fields }, CALL_TIMEOUT_MS);
        return "";
      case "StoreDeleteRange": {
        const [start, end] = request.fields;
        await client.call(Store, methods.deleteRange, { start, end }, CALL_TIMEOUT_MS);
        return "";
      }
    }
  }
}
