import { EdgeFunction, Event, Lcg, log, Output, self, slf } from "edgeless";
import { DdaMessage } from "edgeless/dda";
import { HttpBody } from "edgeless/http";

const dda = new Output("dda");

/** Test fixture: does something random to the store ten times a second. */
@edgeFunction
class DdaStoreTest extends EdgeFunction {
  private readonly random: Lcg = new Lcg(0);

  onInit(payload: string, state: string): void {
    // The host offers no randomness, but no two instances have the same id.
    this.random.seed(load<u32>(slf().functionPtr));
    self.delayedCast(100, "wakeup");
  }

  onCast(event: Event): void {
    const message = this.draw();
    if (dda.call(message.toString()).isError) log.error(message.kind + " failed");
    self.delayedCast(100, "");
  }

  private draw(): DdaMessage {
    const operation = this.below(6);
    const key = "key" + this.below(100).toString();
    if (operation == 0) return DdaMessage.ofText("StoreGet", key);
    if (operation == 1) return DdaMessage.of("StoreSet", key, HttpBody.fromText(this.below(1000).toString()));
    if (operation == 2) return DdaMessage.ofText("StoreDelete", key);
    if (operation == 3) return DdaMessage.ofText("StoreDeletePrefix", key);
    return DdaMessage.ofText("StoreScanPrefix", operation == 4 ? key : "key");
  }

  private below(limit: i32): i32 {
    return <i32>(this.random.next() * <f32>limit);
  }
}
