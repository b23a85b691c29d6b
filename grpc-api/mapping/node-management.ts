import type { PeerUpdate } from "../../core/api.js";
import * as proto from "../generated/messages.js";
import { badField, required, uuidField } from "./field.js";

const { ADD, DEL, CLEAR } = proto.UpdatePeersRequestType;

/** Writes an `UpdatePeersRequest`. */
export function peerUpdateToMessage(update: PeerUpdate): proto.UpdatePeersRequest {
  switch (update.type) {
    case "add":
      return { requestType: ADD, nodeId: update.nodeId, invocationUrl: update.invocationUrl };
    case "delete":
      return { requestType: DEL, nodeId: update.nodeId };
    case "clear":
      return { requestType: CLEAR };
  }
}

/** Reads an `UpdatePeersRequest`. */
export function peerUpdateFromMessage(message: proto.UpdatePeersRequest): PeerUpdate {
  const nodeId = () =>
    uuidField(required(message.nodeId, "UpdatePeersRequest.node_id"), "UpdatePeersRequest.node_id");
  switch (message.requestType) {
    case ADD: {
      const invocationUrl = required(message.invocationUrl, "UpdatePeersRequest.invocation_url");
      return { type: "add", nodeId: nodeId(), invocationUrl };
    }
    case DEL:
      return { type: "delete", nodeId: nodeId() };
    case CLEAR:
      return { type: "clear" };
    default:
      throw badField("UpdatePeersRequest.request_type", `is unknown: ${String(message.requestType)}`);
  }
}
