import type { InstanceId } from "../../core/instance-id.js";
import { uuidFromBytes } from "../../core/uuid.js";
import { type GuestImports, SUSPEND } from "../../toolchain/engine/guest-imports.js";
import { trap } from "./guest.js";
import type { GuestMemory } from "./guest-memory.js";
import { CALL_ERROR } from "./guest-protocol.js";
import { idBytes } from "./id-bytes.js";

/** Where a guest wants the reply to a call: two addresses of four bytes each. */
export interface ReplySlots {
  readonly pointer: number;
  readonly length: number;
}

/** Imports that send, as far as they differ in their trace context before the first event. */
export type Sending = "cast" | "cast-raw" | "call" | "delayed-cast";

/** What the imports of one instance act on. */
export interface ImportContext {
  readonly self: InstanceId;
  /** Undefined until the instance exists, that is while its start function runs. */
  readonly memory: GuestMemory | undefined;
  /** The instance behind an output channel. */
  lookup(alias: string): InstanceId | undefined;
  cast(target: InstanceId, payload: string, sending: Sending): void;
  /** A cast to a channel that leads nowhere, or nowhere yet. */
  castNowhere(alias: string, payload: string): void;
  /** @returns true when the guest has to wait, false when the call fails at once */
  call(target: InstanceId, payload: string, slots: ReplySlots): boolean;
  /**
   * A call to a channel that leads nowhere, or nowhere yet; as {@link call}.
   * @throws EdgelessError EDGELESS_FUNCTION_TRAPPED
   */
  callNowhere(alias: string, payload: string, slots: ReplySlots): boolean;
  delayedCast(target: InstanceId, payload: string, delayMs: number): void;
  /**
   * A delayed cast to a channel that leads nowhere, or nowhere yet.
   * @throws EdgelessError EDGELESS_FUNCTION_TRAPPED
   */
  delayedCastNowhere(alias: string, payload: string, delayMs: number): void;
  /** @param level 1 error to 5 trace; the guest may give any number */
  log(level: number, target: string, message: string): void;
  sync(state: string): void;
}

/** The eight functions a guest may import (EDGELESS guest ABI); a fault in their arguments traps the guest. */
export function createGuestImports(context: ImportContext): GuestImports {
  const memory = (): GuestMemory => {
    if (context.memory === undefined) throw trap("top-level code must not call the host");
    return context.memory;
  };
  const instance = (nodePointer: number, componentPointer: number): InstanceId => ({
    nodeId: uuidFromBytes(memory().copyOut(nodePointer, 16, "the node id")),
    functionId: uuidFromBytes(memory().copyOut(componentPointer, 16, "the component id")),
  });
  const payloadAt = (pointer: number, length: number) => memory().text(pointer, length, "the payload");
  const aliasAt = (pointer: number, length: number) => memory().text(pointer, length, "the output name");
  const slotsAt = (pointer: number, length: number): ReplySlots => {
    // Checked before anything is sent, so that a wrong address is the fault of this very call.
    memory().check(pointer, 4, "the slot for the reply's address");
    memory().check(length, 4, "the slot for the reply's length");
    return { pointer, length };
  };
  return {
    cast_asm(aliasPointer, aliasLength, pointer, length) {
      const alias = aliasAt(aliasPointer, aliasLength);
      const payload = payloadAt(pointer, length);
      const target = context.lookup(alias);
      if (target === undefined) context.castNowhere(alias, payload);
      else context.cast(target, payload, "cast");
    },
    cast_raw_asm(nodePointer, componentPointer, pointer, length) {
      context.cast(instance(nodePointer, componentPointer), payloadAt(pointer, length), "cast-raw");
    },
    call_asm(aliasPointer, aliasLength, pointer, length, outPointer, outLength) {
      const alias = aliasAt(aliasPointer, aliasLength);
      const payload = payloadAt(pointer, length);
      const slots = slotsAt(outPointer, outLength);
      const target = context.lookup(alias);
      const waits =
        target === undefined
          ? context.callNowhere(alias, payload, slots)
          : context.call(target, payload, slots);
      return waits ? SUSPEND : CALL_ERROR;
    },
    call_raw_asm(nodePointer, componentPointer, pointer, length, outPointer, outLength) {
      const target = instance(nodePointer, componentPointer);
      const payload = payloadAt(pointer, length);
      return context.call(target, payload, slotsAt(outPointer, outLength)) ? SUSPEND : CALL_ERROR;
    },
    delayed_cast_asm(delay, aliasPointer, aliasLength, pointer, length) {
      const alias = aliasAt(aliasPointer, aliasLength);
      const payload = payloadAt(pointer, length);
      const delayMs = Number(BigInt.asUintN(64, delay));
      const target = context.lookup(alias);
      if (target === undefined) context.delayedCastNowhere(alias, payload, delayMs);
      else context.delayedCast(target, payload, delayMs);
    },
    telemetry_log_asm(level, targetPointer, targetLength, messagePointer, messageLength) {
      const target = memory().text(targetPointer, targetLength, "the log target");
      const message = memory().text(messagePointer, messageLength, "the log message");
      context.log(level, target, message);
    },
    slf_asm(nodePointer, componentPointer) {
      memory().write(nodePointer, idBytes(context.self.nodeId), "the slot for the node id");
      memory().write(componentPointer, idBytes(context.self.functionId), "the slot for the component id");
    },
    sync_asm(pointer, length) {
      context.sync(memory().text(pointer, length, "the state"));
    },
  };
}
