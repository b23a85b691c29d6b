import type { InstanceId } from "../../core/instance-id.js";
import { NIL_UUID, type Uuid } from "../../core/uuid.js";
import type * as proto from "../generated/messages.js";
import { badField, required, uuidField } from "./field.js";

/** Writes an `InstanceId`. */
export function instanceIdToMessage(id: InstanceId): proto.InstanceId {
  return { nodeId: id.nodeId, functionId: id.functionId };
}

/**
 * Reads an `InstanceId` that must be there.
 * @param field names it in errors
 */
export function instanceIdFromMessage(message: proto.InstanceId | undefined, field: string): InstanceId {
  const { nodeId, functionId } = required(message, field);
  return {
    nodeId: uuidField(nodeId, `${field}.node_id`),
    functionId: uuidField(functionId, `${field}.function_id`),
  };
}

/** How the ids of one level travel in the messages that both levels share. */
export interface IdMapping<Id> {
  toVariant(id: Id): proto.InstanceIdVariant;
  fromVariant(message: proto.InstanceIdVariant, field: string): Id;
  /** As the target of an output channel. */
  toTarget(id: Id): proto.InstanceId;
  fromTarget(message: proto.InstanceId, field: string): Id;
}

/** Ids towards a node. */
export const physicalIds: IdMapping<InstanceId> = {
  toVariant: (id) => ({ InstanceIdType: { $case: "instanceId", value: instanceIdToMessage(id) } }),
  fromVariant({ InstanceIdType: variant }, field) {
    if (variant?.$case !== "instanceId") throw badField(`${field}.instance_id`, "is missing");
    return instanceIdFromMessage(variant.value, `${field}.instance_id`);
  },
  toTarget: instanceIdToMessage,
  fromTarget: instanceIdFromMessage,
};

/** Ids towards an ε-ORC. As a target the node id is nil, but must be a UUID in what is received. */
export const logicalIds: IdMapping<Uuid> = {
  toVariant: (id) => ({ InstanceIdType: { $case: "domainManagedInstanceId", value: { instanceId: id } } }),
  fromVariant({ InstanceIdType: variant }, field) {
    if (variant?.$case !== "domainManagedInstanceId")
      throw badField(`${field}.domain_managed_instance_id`, "is missing");
    return uuidField(variant.value.instanceId, `${field}.domain_managed_instance_id.instance_id`);
  },
  toTarget: (id) => ({ nodeId: NIL_UUID, functionId: id }),
  fromTarget: (message, field) => instanceIdFromMessage(message, field).functionId,
};
