import { args, EdgeFunction, Event, num, Output, Reply, telemetry } from "edgeless";
import { decodeBase64, encodeBase64 } from "edgeless/base64";
import { Message } from "./message";

const redis = new Output("redis");
const err = new Output("err");
const outputs = Output.range("out-", 20);

/** Key that keeps the number of the last transaction. */
const LAST_TRANSACTION = "last_transaction_id";

/**
 * Benchmark: splits vectors, adds them up and measures how long that takes. Init payload: `is_first`, `is_last`,
 * `use_base64`, `init_id_from_redis` (all false), `inputs`, `outputs`, numbers joined by colons.
 */
@edgeFunction
class BenchMapreduce extends EdgeFunction {
  private first: boolean = false;
  private last: boolean = false;
  private base64: boolean = false;
  private fromRedis: boolean = false;
  private inputs: u32[] = [];
  private outputs: u32[] = [];
  private counter: u32 = 0;
  /** One message a source at most, all of the same transaction. */
  private received: Message[] = [];

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.first = settings.bool("is_first");
    this.last = settings.bool("is_last");
    this.base64 = settings.bool("use_base64");
    this.fromRedis = settings.bool("init_id_from_redis");
    this.inputs = settings.listU32("inputs", ":");
    this.outputs = settings.listU32("outputs", ":");
    this.reportInconsistencies();
  }

  onCast(event: Event): void {
    if (this.first) this.start(event);
    else this.collect(event);
  }

  onCall(event: Event): Reply {
    err.cast("error: call handler invoked");
    return Reply.none();
  }

  private reportInconsistencies(): void {
    if (this.first && this.inputs.length) initError("first element with non-empty inputs");
    if (!this.first && !this.inputs.length) initError("non-first element with empty inputs");
    if (this.last && this.outputs.length) initError("last element with non-empty outputs");
    if (!this.last && !this.outputs.length) initError("non-last element with empty outputs");
    if (this.first && this.last) initError("element indicated as first and last");
  }

  private start(event: Event): void {
    if (this.fromRedis && this.counter == 0) {
      const reply = redis.call(LAST_TRANSACTION);
      this.counter = reply.hasText ? num.parseU32(reply.text) : 0;
    }
    telemetry(5, "tbegin", this.counter.toString());
    this.send(new Message(this.counter, 0, this.bytesOf(event)));
    this.counter++;
  }

  private collect(event: Event): void {
    const bytes = this.bytesOf(event);
    const message = Message.read(bytes);
    if (message === null) {
      err.cast("error: discarded invalid message casted (size " + bytes.byteLength.toString() + ")");
      return;
    }
    if (!this.inputs.includes(message.source)) {
      const expected = " (expected: " + this.inputs.join(",") + ")";
      err.cast("error: discarded message from unexpected source " + message.source.toString() + expected);
      return;
    }
    this.remember(message);
    if (this.received.length == this.inputs.length) this.complete(this.received[0].transaction);
  }

  /** Keeps what belongs to the highest transaction seen, the newest message of each source. */
  private remember(message: Message): void {
    const kept: Message[] = [];
    let outdated = false;
    for (let i = 0; i < this.received.length; i++) {
      const other = this.received[i];
      if (other.transaction > message.transaction) outdated = true;
      if (other.transaction >= message.transaction && other.source != message.source) kept.push(other);
      else if (other.transaction > message.transaction) kept.push(other);
    }
    if (!outdated) kept.push(message);
    this.received = kept;
  }

  private complete(transaction: u32): void {
    if (this.last) {
      telemetry(5, "tend", transaction.toString());
      if (this.fromRedis) redis.cast(transaction.toString());
    } else {
      const sum = this.received[0];
      for (let i = 1; i < this.received.length; i++) sum.add(this.received[i]);
      this.send(sum);
    }
    this.received = [];
  }

  private send(message: Message): void {
    for (let i = 0; i < this.outputs.length; i++) {
      const target = this.outputs[i];
      if (target >= <u32>outputs.length) continue;
      const bytes = message.write(target);
      const ptr = changetype<usize>(bytes);
      if (this.base64) outputs[target].cast(encodeBase64(ptr, bytes.byteLength));
      else outputs[target].castBytes(ptr, bytes.byteLength);
    }
  }

  private bytesOf(event: Event): ArrayBuffer {
    if (this.base64) {
      const decoded = decodeBase64(event.text);
      if (decoded === null) throw new Error("the payload is no base64");
      return decoded;
    }
    const bytes = new ArrayBuffer(<i32>event.len);
    memory.copy(changetype<usize>(bytes), event.ptr, event.len);
    return bytes;
  }
}

function initError(reason: string): void {
  err.cast("init error: " + reason);
}
