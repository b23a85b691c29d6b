import { InstructionReader } from "./instruction-reader.js";
import { Op } from "./opcode.js";

/**
 * Walks over the instructions that can be reached: what follows an unconditional branch up to the `else` or `end` of the
 * construct is passed over. In what is left the operand stack has a known height and known types everywhere.
 */
export class LiveInstructions extends InstructionReader {
  #dead = false;

  override next(): boolean {
    let nesting = 0;
    while (super.next()) {
      if (!this.#dead) {
        this.#dead = endsFlow(this.opcode);
        return true;
      }
      switch (this.opcode) {
        case Op.block:
        case Op.loop:
        case Op.if:
          nesting += 1;
          break;
        case Op.else:
        case Op.end:
          if (nesting === 0) {
            this.#dead = false;
            return true;
          }
          nesting -= this.opcode === Op.end ? 1 : 0;
      }
    }
    return false;
  }
}

function endsFlow(opcode: number): boolean {
  return opcode === Op.br || opcode === Op.brTable || opcode === Op.return || opcode === Op.unreachable;
}
