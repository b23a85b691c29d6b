import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { RetrySchedule } from "../../core/retry-schedule.js";
import type { Uuid } from "../../core/uuid.js";
import { type ControllerStore, forgetDebt, keepDebt } from "./controller-store.js";
import type { Debt } from "./debt.js";
import type { OrchestratorLink } from "./orchestrator-link.js";
import type { ComponentKind } from "./placement.js";

const RETRY = { initialMs: 500, factor: 2, maximumMs: 15_000, jitter: 0.2 };

interface Account {
  readonly debts: Map<Uuid, Debt>;
  /** Debts of components that are just being started: due only if the start of their workflow fails. */
  readonly held: Set<Uuid>;
  readonly schedule: RetrySchedule;
  /** The attempt under way. */
  running: Promise<void> | undefined;
  retryAtMs: number;
}

/**
 * Remembers, over the end of the process too, what has to be stopped, and stops it: at once, or when its domain is
 * back. A component that is started is entered before its workflow is committed, so that no failure at any moment
 * leaves it running.
 */
export class StopLedger {
  readonly #store: ControllerStore;
  readonly #linkOf: (domainId: string) => OrchestratorLink | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #accounts = new Map<string, Account>();

  /** @param linkOf gives the link to a domain that is there now */
  constructor(
    store: ControllerStore,
    linkOf: (domainId: string) => OrchestratorLink | undefined,
    environment: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
  ) {
    this.#store = store;
    this.#linkOf = linkOf;
    this.#clock = environment.clock;
    this.#random = environment.random;
    this.#logger = environment.logger;
  }

  /** Everything owed to a domain, in no order. */
  debtsOf(domainId: string): readonly Debt[] {
    return [...(this.#accounts.get(domainId)?.debts.values() ?? [])];
  }

  /** Enters debts that are in the store already or are being written by the caller. */
  enter(debts: readonly Debt[]): void {
    for (const debt of debts) this.#accountOf(debt.domainId).debts.set(debt.logicalId, debt);
  }

  /**
   * Enters and stores the debt of a component that was just started; it is not due before {@link release}.
   * @throws EdgelessError EDGELESS_STORE_BROKEN; the debt is entered nevertheless
   */
  async hold(debt: Debt): Promise<void> {
    const account = this.#accountOf(debt.domainId);
    account.debts.set(debt.logicalId, debt);
    account.held.add(debt.logicalId);
    await this.#store.write([keepDebt(debt)]);
  }

  /** Makes held debts due. */
  release(debts: readonly Debt[]): void {
    for (const { domainId, logicalId } of debts) this.#accounts.get(domainId)?.held.delete(logicalId);
  }

  /** Forgets debts whose removal the caller has written. */
  settle(debts: readonly Debt[]): void {
    for (const { domainId, logicalId } of debts) {
      const account = this.#accounts.get(domainId);
      account?.debts.delete(logicalId);
      account?.held.delete(logicalId);
    }
  }

  /** Debts of a domain that were made under another nonce: there is nothing left to stop. */
  obsoleteFor(domainId: string, nonce: bigint | undefined): readonly Debt[] {
    return this.debtsOf(domainId).filter((debt) => debt.nonce !== nonce);
  }

  /** Pays what is due at a domain; settles after one try of everything that was due. Never throws. */
  async pay(domainId: string): Promise<void> {
    const account = this.#accounts.get(domainId);
    if (account === undefined) return;
    // A try under way may have begun before the newest debts were entered.
    await account.running;
    account.running ??= this.#payAll(domainId, account).finally(() => {
      account.running = undefined;
    });
    await account.running;
  }

  /** Pays at every domain whose waiting time after a failure is over. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [domainId, account] of this.#accounts) {
      if (account.debts.size > account.held.size && account.retryAtMs <= nowMs) void this.pay(domainId);
    }
  }

  /** Settles when no attempt is under way. */
  async idle(): Promise<void> {
    for (const account of this.#accounts.values()) await account.running;
  }

  async #payAll(domainId: string, account: Account): Promise<void> {
    const link = this.#linkOf(domainId);
    const due = [...account.debts.values()].filter(({ logicalId }) => !account.held.has(logicalId));
    if (link === undefined || due.length === 0) return;
    const results = await Promise.all(due.map((debt) => stopAt(link, debt)));
    const paid = due.filter((_, index) => results[index] === undefined);
    const reason = results.find((result) => result !== undefined);
    if (reason === undefined) account.schedule.reset();
    else {
      const waitMs = account.schedule.nextMs();
      account.retryAtMs = this.#clock.monotonicMs() + waitMs;
      this.#logger.warn("components could not be stopped; it is tried again", {
        domain: domainId,
        components: due.length - paid.length,
        waitMs: Math.round(waitMs),
        reason,
      });
    }
    this.settle(paid);
    try {
      await this.#store.write(paid.map(forgetDebt));
    } catch (error) {
      // They are stopped once more after the next start of the controller, which harms nobody.
      this.#logger.error("stopped components could not be taken out of the store", {
        domain: domainId,
        error,
      });
    }
  }

  #accountOf(domainId: string): Account {
    let account = this.#accounts.get(domainId);
    if (account === undefined) {
      account = {
        debts: new Map(),
        held: new Set(),
        schedule: new RetrySchedule(RETRY, this.#random),
        running: undefined,
        retryAtMs: 0,
      };
      this.#accounts.set(domainId, account);
    }
    return account;
  }
}

/** Returns why it failed, or undefined. */
async function stopAt(link: OrchestratorLink, { kind, logicalId }: Debt): Promise<string | undefined> {
  const kinds: readonly ComponentKind[] = kind === "unknown" ? ["function", "resource"] : [kind];
  for (const each of kinds) {
    const result = await link.stop(each, logicalId);
    if (!result.ok) return result.failure.reason;
  }
  return undefined;
}
