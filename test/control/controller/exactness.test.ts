import fc from "fast-check";
import t, { type Test } from "tap";
import type { Uuid } from "../../../core/uuid.js";
import { Cluster, fn, res, workflow } from "./cluster.js";
import type { SimulatedComponent, SimulatedOrchestrator } from "./simulated-orchestrator.js";

/*
 * Whatever happens to domains, to the ε-CON and to the calls between them: once all is well again, each ε-ORC holds
 * exactly the components that the ε-CON says it holds, and every workflow runs as a whole.
 */

const SHAPES = [
  workflow([fn("f1")]),
  workflow([fn("f1", ["f2"]), fn("f2", ["f1", "r1"])], [res("r1")]),
  workflow([], [res("r1"), res("r2", ["r1"])]),
];

type Step =
  | { readonly do: "start"; readonly shape: number }
  | { readonly do: "stop" | "migrate"; readonly workflow: number; readonly domain: number }
  | { readonly do: "restart" | "silence" | "leave" | "refuse" | "lose"; readonly domain: number }
  | { readonly do: "mood"; readonly domain: number; readonly mood: SimulatedOrchestrator["mood"] }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "beat"; readonly turns: number }
  | { readonly do: "move"; readonly workflow: number; readonly component: number; readonly domain: number }
  | { readonly do: "restart controller" };

/** The last one is the portal where there is one. */
const domain = fc.nat(3);

/** Steps after which a domain that reports nothing can be left with nothing unknown to the ε-CON. */
const decentSteps: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant("start" as const), shape: fc.nat(SHAPES.length - 1) }),
  fc.record({ do: fc.constant("start" as const), shape: fc.nat(SHAPES.length - 1) }),
  fc.record({ do: fc.constantFrom("stop" as const, "migrate" as const), workflow: fc.nat(9), domain }),
  fc.record({ do: fc.constantFrom("restart" as const, "silence" as const, "leave" as const), domain }),
  fc.record({ do: fc.constant("refuse" as const), domain }),
  fc.record({
    do: fc.constant("mood" as const),
    domain,
    mood: fc.constantFrom("well" as const, "unreachable" as const),
  }),
  fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 15 }) }),
  fc.record({ do: fc.constant("beat" as const), turns: fc.integer({ min: 1, max: 8 }) }),
];

const roughSteps: fc.Arbitrary<Step>[] = [
  ...decentSteps,
  fc.record({ do: fc.constant("lose" as const), domain }),
  fc.record({
    do: fc.constant("mood" as const),
    domain,
    mood: fc.constantFrom("hung" as const, "deaf" as const),
  }),
  fc.constant({ do: "restart controller" as const }),
];

const portalSteps: fc.Arbitrary<Step>[] = [
  ...roughSteps,
  fc.record({ do: fc.constant("move" as const), workflow: fc.nat(9), component: fc.nat(2), domain }),
  fc.record({ do: fc.constant("move" as const), workflow: fc.nat(9), component: fc.nat(2), domain }),
];

const DOMAINS = ["a", "b", "c"];

class Story {
  readonly #cluster: Cluster;
  readonly #domains: SimulatedOrchestrator[];
  readonly #silent = new Set<SimulatedOrchestrator>();
  readonly #underWay: Promise<unknown>[] = [];

  constructor(cluster: Cluster, domains: SimulatedOrchestrator[]) {
    this.#cluster = cluster;
    this.#domains = domains;
  }

  static async begin(seed: number, reports: boolean, portal: boolean): Promise<Story> {
    const cluster = new Cluster(seed);
    await cluster.controller.open();
    const domains: SimulatedOrchestrator[] = [];
    for (const domainId of portal ? [...DOMAINS, "portal"] : DOMAINS) {
      const orchestrator = cluster.add(domainId);
      orchestrator.reports = reports;
      const { capabilities } = orchestrator;
      const [labels, resourceClasses] = [DOMAINS.map((name) => `portal-domain=${name}`), ["portal"]];
      if (domainId === "portal")
        orchestrator.capabilities = { ...capabilities, runtimes: [], labels, resourceClasses };
      else if (portal)
        orchestrator.capabilities = { ...capabilities, resourceClasses: ["portal", "test-res"] };
      domains.push(orchestrator);
    }
    await cluster.pass(2);
    return new Story(cluster, domains);
  }

  async take(step: Step): Promise<void> {
    const { controller } = this.#cluster;
    switch (step.do) {
      case "start":
        this.#begin(controller.start(SHAPES[step.shape] ?? workflow([])));
        break;
      case "stop":
        this.#begin(this.#pick(step.workflow).then((id) => id && controller.stop(id)));
        break;
      case "migrate": {
        const { domainId } = this.#domain(step.domain);
        this.#begin(
          this.#pick(step.workflow).then(
            (workflowId) => workflowId && controller.migrate({ workflowId, domainId, component: "" }),
          ),
        );
        break;
      }
      case "move": {
        const { domainId } = this.#domain(step.domain);
        this.#begin(
          this.#pick(step.workflow).then(async (workflowId) => {
            if (workflowId === undefined) return;
            const { workflow: request } = await controller.inspect(workflowId);
            const names = [...request.functions, ...request.resources].map(({ name }) => name);
            const component = names[step.component % names.length] ?? "";
            await controller.migrate({ workflowId, domainId, component });
          }),
        );
        break;
      }
      case "restart":
        this.#domain(step.domain).restart();
        break;
      case "silence":
        this.#silent.add(this.#domain(step.domain));
        break;
      case "leave":
        this.#silent.add(this.#domain(step.domain));
        this.#begin(controller.updateDomain(this.#domain(step.domain).update(-1_000)));
        break;
      case "refuse": {
        const orchestrator = this.#domain(step.domain);
        let count = 0;
        orchestrator.refuse = () => (count++ % 3 === 2 ? "full" : undefined);
        break;
      }
      case "lose": {
        const orchestrator = this.#domain(step.domain);
        const [id] = orchestrator.running.keys();
        if (id !== undefined) orchestrator.running.delete(id);
        break;
      }
      case "mood":
        this.#domain(step.domain).mood = step.mood;
        break;
      case "pass":
        await this.#cluster.pass(step.seconds, ...this.#silent);
        break;
      case "beat":
        // A few calls get further, in the middle of what is under way.
        for (let i = 0; i < step.turns; i++) await new Promise((resolve) => setImmediate(resolve));
        break;
      case "restart controller":
        await this.#cluster.restartController();
        break;
    }
  }

  /** Everything is well again for long enough; then the differences between belief and truth, of which there are none. */
  async end(): Promise<{ wrong: string[]; workflows: number; spread: number }> {
    this.#silent.clear();
    for (const orchestrator of this.#domains) {
      orchestrator.mood = "well";
      orchestrator.refuse = () => undefined;
    }
    await this.#cluster.pass(60);
    await Promise.all(this.#underWay);
    await this.#cluster.pass(5);
    const wrong: string[] = [];
    const left = new Map(this.#domains.map((item) => [item.domainId, new Map(item.running)]));
    const { controller } = this.#cluster;
    const ids = await controller.list();
    let spread = 0;
    for (const workflowId of ids) {
      const { workflow: request, instance } = await controller.inspect(workflowId);
      const mapped = new Map(instance.mapping.map((item) => [item.name, item]));
      const found = new Map<string, SimulatedComponent>();
      for (const { name, domainId, logicalId } of instance.mapping) {
        const component = left.get(domainId)?.get(logicalId);
        if (component?.name === (name.startsWith("portal-") ? "portal" : name)) found.set(name, component);
        else wrong.push(`${name} does not run`);
        left.get(domainId)?.delete(logicalId);
      }
      if (instance.mapping.some(({ name }) => name.startsWith("portal-"))) spread++;
      const isWired = (name: string, channel: string, target: string) => {
        const id = mapped.get(target)?.logicalId;
        return id !== undefined && found.get(name)?.outputs.get(channel) === id;
      };
      for (const { name, outputMapping } of [...request.functions, ...request.resources]) {
        if (!mapped.has(name)) wrong.push(`${name} is not placed`);
        for (const [channel, target] of outputMapping) {
          const isHere = mapped.get(name)?.domainId === mapped.get(target)?.domainId;
          const sink = [...mapped.keys()].find((other) => isWired(name, channel, other)) ?? "";
          const [, number = ""] = /^portal-(\d+)-sink-local$/.exec(sink) ?? [];
          const next = Number(number) + 1;
          const isCrossing =
            isWired(`portal-${number}-sink-portal`, "out", `portal-${next}-source-portal`) &&
            isWired(`portal-${next}-source-local`, "out", target);
          if (isHere ? sink !== target : !isCrossing) wrong.push(`${name} is not wired`);
        }
      }
    }
    for (const [domainId, rest] of left) {
      for (const { name } of rest.values()) wrong.push(`${name} is left in ${domainId}`);
    }
    for await (const [key] of this.#cluster.store.entries("stop/")) wrong.push(`${key} is left in the store`);
    return { wrong, workflows: ids.length, spread };
  }

  #domain(index: number): SimulatedOrchestrator {
    return this.#domains[index % this.#domains.length] as SimulatedOrchestrator;
  }

  async #pick(index: number): Promise<Uuid | undefined> {
    const ids = await this.#cluster.controller.list();
    return ids.length === 0 ? undefined : ids[index % ids.length];
  }

  /** The ε-CON may be restarted before it answers. */
  #begin(work: Promise<unknown>): void {
    this.#underWay.push(work.catch(() => undefined));
  }
}

async function check(t: Test, steps: fc.Arbitrary<Step>[], reports: boolean, portal = false): Promise<void> {
  let workflows = 0;
  let spread = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(fc.oneof(...steps), { minLength: 3, maxLength: 25 }),
      async (seed, story) => {
        const run = await Story.begin(seed, reports, portal);
        for (const step of story) await run.take(step);
        const result = await run.end();
        workflows += result.workflows;
        spread += result.spread;
        if (result.wrong.length > 0) throw new Error(result.wrong.join("; "));
      },
    ),
    { numRuns: RUNS },
  );
  t.ok(workflows > 0, "some workflows were running at the end");
  if (!portal) t.equal(spread, 0, "over several domains only through a portal");
}

const RUNS = Number(process.env.EDGELESS_TEST_RUNS ?? 40);

t.test(
  "given domains that report nothing, when they join, leave and restart, then no leak, no duplicate",
  async (t) => {
    await check(t, decentSteps, false);
  },
);

t.test("given domains that report, when anything fails in between, then no leak, no duplicate", async (t) => {
  await check(t, roughSteps, true);
});

t.test(
  "given a portal, when anything fails while components move between domains, then no leak, no loose end",
  async (t) => {
    await check(t, portalSteps, true, true);
  },
);
