/** What the boot script found out and left for the runtime; absent when something else started it. */
interface BootState {
  readonly mode: number;
  slot: number;
  readonly isTrial: boolean;
  readonly isBack: boolean;
  readonly refused: string[];
  readonly failures: number;
  /** Characters of the journal that are written. */
  at: number;
  /** Block with the script to run; empty: none. */
  script: string;
}
declare let edgelessBoot: BootState | undefined;
