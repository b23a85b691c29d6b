import { args, EdgeFunction, Event, Output, Reply } from "edgeless";

/** Casts messages to `out1` … `outN` in turn. Init payload: `num_outputs=N`. The first message goes to `out2`. */
@edgeFunction
class LoadBalance extends EdgeFunction {
  private outputs: Output[] = [];
  private index: i32 = 0;

  onInit(payload: string, state: string): void {
    const count = args(payload).u32("num_outputs", 0);
    for (let i: u32 = 1; i <= count; i++) this.outputs.push(new Output("out" + i.toString()));
  }

  onCast(event: Event): void {
    if (this.outputs.length == 0) return;
    this.index = (this.index + 1) % this.outputs.length;
    this.outputs[this.index].castBytes(event.ptr, event.len);
  }

  onCall(event: Event): Reply {
    return Reply.error();
  }
}
