// The eight functions a host offers, all in import module `env` (which is why this file has that name).
// Pointers address linear memory; texts are UTF-8 with a length in bytes. Unused ones leave no trace in the module.

/** Sends a cast to the instance behind a channel; an unmapped channel drops it. */
export declare function cast_asm(target: usize, targetLen: usize, payload: usize, payloadLen: usize): void;

/** Sends a cast to an explicit instance. */
export declare function cast_raw_asm(node: usize, component: usize, payload: usize, payloadLen: usize): void;

/** Sends a call to the instance behind a channel and waits; an unmapped channel ends this instance. */
export declare function call_asm(
  target: usize,
  targetLen: usize,
  payload: usize,
  payloadLen: usize,
  replyPtrSlot: usize,
  replyLenSlot: usize,
): i32;

/** Sends a call to an explicit instance and waits. */
export declare function call_raw_asm(
  node: usize,
  component: usize,
  payload: usize,
  payloadLen: usize,
  replyPtrSlot: usize,
  replyLenSlot: usize,
): i32;

/** Sends a cast after `delay` milliseconds; an unmapped channel ends this instance. */
export declare function delayed_cast_asm(
  delay: u64,
  target: usize,
  targetLen: usize,
  payload: usize,
  payloadLen: usize,
): void;

/** Emits a log entry: 1 error, 2 warning, 3 information, 4 debug, 5 trace. */
export declare function telemetry_log_asm(
  level: usize,
  target: usize,
  targetLen: usize,
  message: usize,
  messageLen: usize,
): void;

/** Writes the node id and the component id of this instance, 16 bytes each. */
export declare function slf_asm(node: usize, component: usize): void;

/** Hands the state of this instance to the host, which keeps it. */
export declare function sync_asm(state: usize, stateLen: usize): void;
