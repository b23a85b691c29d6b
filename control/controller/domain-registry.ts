import type { DomainUpdate } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { StoreChange } from "../../platform/store/store.js";
import type { ControllerMeter } from "./controller-metrics.js";
import { type ControllerStore, forgetDomain, keepDomain } from "./controller-store.js";
import {
  acceptUpdate,
  awayDomain,
  type Domain,
  type DomainChange,
  type DomainRecord,
  expectedDomain,
  recordDiffers,
} from "./domain.js";
import { type CallDeadlines, type OrchestratorConnection, OrchestratorLink } from "./orchestrator-link.js";

/** How long a domain that is away is remembered, so that it can come back without a reset. */
const REMEMBER_AWAY_MS = 24 * 3_600_000;

/** The domains, their leases and the connections to their ε-ORCs. */
export class DomainRegistry {
  readonly #store: ControllerStore;
  readonly #connect: (url: string) => OrchestratorConnection;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #deadlines: CallDeadlines;
  readonly #meter: Pick<ControllerMeter, "called">;
  readonly #domains = new Map<string, Domain>();
  readonly #links = new Map<string, OrchestratorLink>();
  #closed = false;

  constructor(
    store: ControllerStore,
    connect: (url: string) => OrchestratorConnection,
    deadlines: CallDeadlines,
    environment: { readonly clock: Clock; readonly logger: Logger },
    meter: Pick<ControllerMeter, "called">,
  ) {
    this.#meter = meter;
    this.#store = store;
    this.#connect = connect;
    this.#deadlines = deadlines;
    this.#clock = environment.clock;
    this.#logger = environment.logger;
  }

  /** All domains, those that are away included. */
  get all(): ReadonlyMap<string, Domain> {
    return this.#domains;
  }

  /** Takes over what was known before a restart. */
  load(records: readonly DomainRecord[]): void {
    for (const record of records)
      this.#domains.set(record.domainId, expectedDomain(record, this.#clock.monotonicMs()));
  }

  /** The link to a domain that is there or expected. */
  linkOf(domainId: string): OrchestratorLink | undefined {
    const domain = this.#domains.get(domainId);
    if (this.#closed || domain === undefined || domain.presence === "away") return undefined;
    const url = domain.orchestratorUrl;
    let link = this.#links.get(domainId);
    if (link !== undefined && link.url !== url) {
      link.close();
      link = undefined;
    }
    link ??= new OrchestratorLink(url, this.#connect(url), this.#clock, this.#deadlines, this.#meter);
    this.#links.set(domainId, link);
    return link;
  }

  /**
   * Takes a refresh with a deadline in the future into account; persisted when this returns.
   * @param others changes to be written with it, all or none
   * @throws EdgelessError EDGELESS_STORE_BROKEN; then nothing changed
   */
  async accept(
    update: DomainUpdate,
    leaseMs: number,
    others: readonly StoreChange[],
  ): Promise<{ readonly domain: Domain; readonly reset: boolean; readonly change: DomainChange }> {
    const known = this.#domains.get(update.domainId);
    const { domain, answer, change } = acceptUpdate(known, update, leaseMs, this.#clock.monotonicMs());
    await this.#store.write([...(recordDiffers(known, domain) ? [keepDomain(domain)] : []), ...others]);
    this.#domains.set(domain.domainId, domain);
    if (change !== "none" && change !== "capabilities")
      this.#logger.info(`domain ${change}`, { domain: domain.domainId, url: domain.orchestratorUrl });
    return { domain, reset: answer.reset, change };
  }

  /** Marks a domain as away, because it left or its lease ran out. Answers that are under way still count. */
  withdraw(domainId: string, why: string): void {
    const domain = this.#domains.get(domainId);
    if (domain === undefined || domain.presence === "away") return;
    this.#domains.set(domainId, awayDomain(domain, this.#clock.monotonicMs()));
    this.#logger.warn("domain lost", { domain: domainId, reason: why });
  }

  /** Marks the domains whose lease ran out as away and returns their ids. */
  expire(): string[] {
    const nowMs = this.#clock.monotonicMs();
    const expired = [...this.#domains.values()].filter(
      ({ presence, untilMs }) => presence !== "away" && untilMs <= nowMs,
    );
    for (const { domainId } of expired) this.withdraw(domainId, "it was not refreshed before its deadline");
    return expired.map(({ domainId }) => domainId);
  }

  /** Domains that are away for so long that they are not waited for any more. */
  forgettable(): Domain[] {
    const beforeMs = this.#clock.monotonicMs() - REMEMBER_AWAY_MS;
    return [...this.#domains.values()].filter(
      ({ presence, untilMs }) => presence === "away" && untilMs <= beforeMs,
    );
  }

  /**
   * Forgets a domain: if it ever comes back it is told to reset.
   * @param others changes to be written with it, all or none
   */
  async forget(domainId: string, others: readonly StoreChange[]): Promise<void> {
    await this.#store.write([forgetDomain(domainId), ...others]);
    this.#domains.delete(domainId);
    this.#links.get(domainId)?.close();
    this.#links.delete(domainId);
  }

  /** Ends all connections; no new ones are made, so that nothing can wait for an answer any more. */
  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
  }
}
