/** One component on a node of the EDGELESS system. */
export interface InstanceId {
  readonly nodeId: string;
  readonly functionId: string;
}

/** What came of a call: the answer, `undefined` when the callee answers nothing; an error is thrown as {@link CallFailed}. */
export type Answer = string | undefined;

/** Severity of a log line. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** What a function is: the node calls these one at a time. Whatever is thrown ends this life; the node starts another. */
export interface EdgelessFunction {
  /**
   * Comes first.
   * @param payload the annotation `init-payload` of the workflow, or empty
   * @param state what a former life handed to {@link Edgeless.sync}; absent when there is none
   */
  init(payload: string, state: string | undefined): Promise<void>;
  /** An event that nobody waits for. */
  cast(source: InstanceId, message: string): Promise<void>;
  /**
   * An event whose sender waits for the answer.
   * @throws CallFailed to answer with an error and live on
   */
  call(source: InstanceId, message: string): Promise<Answer>;
  /** Comes last, unless the function ends by itself. */
  stop(): Promise<void>;
}

/** What a function can ask of its node. Each rejects when the node cannot be reached. */
export interface Edgeless {
  readonly self: InstanceId;
  /** @param output name of an output of the workflow, or `self`; nothing happens when it leads nowhere */
  cast(output: string, message: string): Promise<void>;
  castTo(target: InstanceId, message: string): Promise<void>;
  /** @throws CallFailed when the callee answers with an error, is gone or takes too long */
  call(output: string, message: string): Promise<Answer>;
  /** @throws CallFailed as {@link call} */
  callTo(target: InstanceId, message: string): Promise<Answer>;
  delayedCast(output: string, message: string, delayMs: number): Promise<void>;
  log(level: LogLevel, message: string): Promise<void>;
  /** Keeps a state for the next life. */
  sync(state: string): Promise<void>;
}

/** A call that ended with an error. */
export class CallFailed extends Error {
  constructor(message = "the call failed") {
    super(message);
    this.name = "CallFailed";
  }
}

/** Makes a function, once per life. */
export type CreateFunction = (edgeless: Edgeless) => EdgelessFunction;
