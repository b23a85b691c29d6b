import { CALL, CAST, NONE } from "../coap-api/operations/event.js";
import { sameBytes } from "../coap-api/same-bytes.js";
import { MAILBOX_FULL } from "./device-counters.js";
import { DeviceFault, TRAPPED } from "./device-fault.js";
import { type Guest, type GuestImports, SUSPEND } from "./engine.js";
import type { FunctionInstance } from "./function-instance.js";
import { guestBytes, guestText } from "./guest-memory.js";
import { peerOf } from "./peer-id.js";
import { NOWHERE, type Switchboard, type Target } from "./switchboard.js";

/** Result code of a call that failed. */
const CALL_FAILED = 2;

/**
 * The eight functions that a guest may import (EDGELESS guest ABI); a fault in their arguments ends the guest.
 * @param running gives the guest; its top-level code, which runs before there is one, must not call the host
 */
export function createGuestImports(
  instance: FunctionInstance,
  board: Switchboard,
  running: () => Guest | undefined,
): GuestImports {
  function memory(): Guest {
    const guest = running();
    if (guest === undefined) throw new DeviceFault(TRAPPED, "top-level code called the host");
    return guest;
  }
  function mapped(channel: number, length: number): Target {
    const target = board.target(instance, guestText(memory(), channel, length));
    if (target === NOWHERE) throw new DeviceFault(TRAPPED, "an output is not mapped");
    return target;
  }
  function addressed(nodeId: number, componentId: number): Target {
    const node = guestBytes(memory(), nodeId, 16);
    const component = guestBytes(memory(), componentId, 16);
    if (!sameBytes(node, board.nodeId)) {
      const peer = peerOf(node);
      return peer === NONE ? NOWHERE : { route: NONE, handle: NONE, peer };
    }
    const local = board.byId(component);
    return local === undefined ? NOWHERE : { route: NONE, handle: local.handle };
  }
  function call(target: Target, at: number, length: number, outPointer: number, outLength: number): number {
    const payload = guestBytes(memory(), at, length);
    // Checked before anything is sent, so that a wrong address is the fault of this very call.
    guestBytes(memory(), outPointer, 4);
    guestBytes(memory(), outLength, 4);
    if (board.stopping === instance) return CALL_FAILED;
    const stream = board.nextStream();
    // The answer of a resource on the device may come before `send` returns.
    instance.expectAnswer(stream, outPointer, outLength);
    if (board.send(instance.handle, target, CALL, payload, stream)) return SUSPEND;
    instance.expectNothing();
    return CALL_FAILED;
  }
  return {
    cast_asm: (channel, channelLength, at, length) => {
      const target = board.target(instance, guestText(memory(), channel, channelLength));
      board.send(instance.handle, target, CAST, guestBytes(memory(), at, length), NONE);
    },
    cast_raw_asm: (nodeId, componentId, at, length) => {
      const target = addressed(nodeId, componentId);
      board.send(instance.handle, target, CAST, guestBytes(memory(), at, length), NONE);
    },
    call_asm: (channel, channelLength, at, length, outPointer, outLength) =>
      call(mapped(channel, channelLength), at, length, outPointer, outLength),
    call_raw_asm: (nodeId, componentId, at, length, outPointer, outLength) =>
      call(addressed(nodeId, componentId), at, length, outPointer, outLength),
    delayed_cast_asm: (delayMs, channel, channelLength, at, length) => {
      const target = mapped(channel, channelLength);
      const payload = guestBytes(memory(), at, length).slice();
      const waits = instance.delay(delayMs, () => board.send(instance.handle, target, CAST, payload, NONE));
      if (!waits) board.count(MAILBOX_FULL);
    },
    telemetry_log_asm: (level, target, targetLength, at, length) => {
      const guest = memory();
      board.log(
        instance.handle,
        level,
        guestBytes(guest, target, targetLength),
        guestBytes(guest, at, length),
      );
    },
    slf_asm: (outNodeId, outComponentId) => {
      guestBytes(memory(), outNodeId, 16).set(board.nodeId);
      guestBytes(memory(), outComponentId, 16).set(instance.id);
    },
    sync_asm: (at, length) => {
      const state = guestBytes(memory(), at, length);
      const most = board.settings.maxStateBytes;
      if (state.length > most)
        throw new DeviceFault(TRAPPED, `a state of ${state.length} bytes, ${most} are kept`);
      board.keep(instance.handle, state.slice());
    },
  };
}
