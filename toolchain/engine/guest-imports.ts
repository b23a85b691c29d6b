/** What `call_asm` and `call_raw_asm` return when the answer is not there yet. */
export const SUSPEND: unique symbol = Symbol("suspend");

/**
 * The eight functions that a guest may import. Addresses and lengths come as the engine gives them: signed 32-bit
 * integers, to be made unsigned with `>>> 0`.
 */
export interface GuestImports {
  cast_asm(target: number, targetLength: number, payload: number, payloadLength: number): void;
  cast_raw_asm(nodeId: number, componentId: number, payload: number, payloadLength: number): void;
  /** Result code of the guest ABI, or {@link SUSPEND}: the guest then waits until it is resumed. */
  call_asm(
    target: number,
    targetLength: number,
    payload: number,
    payloadLength: number,
    outPointer: number,
    outLength: number,
  ): number | typeof SUSPEND;
  /** As {@link GuestImports.call_asm}. */
  call_raw_asm(
    nodeId: number,
    componentId: number,
    payload: number,
    payloadLength: number,
    outPointer: number,
    outLength: number,
  ): number | typeof SUSPEND;
  /** `delay` in milliseconds is signed as well: `BigInt.asUintN(64, delay)`. */
  delayed_cast_asm(
    delay: bigint,
    target: number,
    targetLength: number,
    payload: number,
    payloadLength: number,
  ): void;
  telemetry_log_asm(
    level: number,
    target: number,
    targetLength: number,
    text: number,
    textLength: number,
  ): void;
  slf_asm(outNodeId: number, outComponentId: number): void;
  sync_asm(state: number, stateLength: number): void;
}
