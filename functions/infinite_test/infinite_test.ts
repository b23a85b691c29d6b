import { EdgeFunction, Event, log, Output, self } from "edgeless";

/** Not used: the handler never comes to sending. */
const out = new Output("out");

/** Test fixture: never returns from its first cast, to show what a host does about it. */
@edgeFunction
class InfiniteTest extends EdgeFunction {
  private value: u32 = 1;

  onInit(payload: string, state: string): void {
    self.delayedCast(1000, "");
  }

  onCast(event: Event): void {
    for (;;) {
      this.value = this.value * 1103515245 + 12345;
      if ((this.value & 0xfffffff) == 0) log.info("still computing");
    }
  }
}
