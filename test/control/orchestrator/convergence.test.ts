import fc from "fast-check";
import t from "tap";
import { whyUnfit } from "../../../control/orchestrator/fitness.js";
import { parseRequirements } from "../../../core/deployment-requirements.js";
import type { Uuid } from "../../../core/uuid.js";
import { CALL_TIMEOUT_MS, provider, resource, SimulatedDomain } from "./simulated-domain.js";
import { type SimulatedNode, simulatedGateway } from "./simulated-node.js";

/** One thing that happens to a domain; the numbers choose whom it concerns. */
type Step = readonly [what: number, who: number, whom: number];

const MOST_NODES = 5;
const LABELS = ["a", "b", "c"];
/** Longer than every back-off. */
const QUIET_MS = 60_000;

/** What the ε-CON of a random history knows: the components it was promised and how it wired them. */
class History {
  readonly domain: SimulatedDomain;
  readonly outputs = new Map<Uuid, Map<string, Uuid>>();
  /** What identifies the instances of a component on a node. */
  readonly marks = new Map<Uuid, string>();
  readonly annotations = new Map<Uuid, Record<string, string>>();
  readonly pending: Promise<void>[] = [];
  wasKilled = false;
  worst = 0;
  #mark = 0;
  readonly #leftBehind = new Set<Uuid>();
  readonly #gateway = simulatedGateway(1);

  constructor(domain: SimulatedDomain) {
    this.domain = domain;
  }

  async apply([what, who, whom]: Step): Promise<void> {
    const { domain } = this;
    const node = pick(domain.nodes, who);
    const id = pick([...this.outputs.keys()], who);
    const other = pick([...this.outputs.keys()], whom);
    switch (what % 15) {
      case 0:
      case 1:
        if (domain.nodes.length < MOST_NODES) await this.#join(who, whom);
        else if (node !== undefined) domain.keepRefreshing(node);
        break;
      case 2:
      case 3:
      case 4:
        this.#start(who % 3 === 0, whom);
        break;
      case 5:
      case 6:
        if (id !== undefined && other !== undefined) this.#patch(id, other, whom);
        break;
      case 7:
        if (id !== undefined) await this.#stop(id);
        break;
      case 8:
        if (node?.gateway === undefined || whom % 2 === 0) node?.restart();
        else this.#loseGateway();
        break;
      case 9:
        if (node !== undefined)
          node.mode = (["down", "hung", "refusing", "well"] as const)[whom % 4] ?? "well";
        break;
      case 10:
        if (node !== undefined && whom % 2 === 0) await domain.leave(node);
        else if (node !== undefined) domain.stopRefreshing(node);
        break;
      case 11: {
        const target = pick(domain.nodes, whom);
        if (id !== undefined && target !== undefined) await domain.orchestrator.migrate(id, [target.id]);
        break;
      }
      case 12:
        if (node !== undefined) await domain.orchestrator.cordon(node.id, whom % 2 === 0);
        break;
      case 13:
        if (whom % 4 === 0) await this.#kill();
        else if (whom % 4 === 1) this.#reset();
        // What a Rust node loses by itself nobody can see.
        else if (node?.isReference === false) node.instances.clear();
        break;
      default:
        await domain.clock.advance([10, 400, 1_300, 5_000][whom % 4] ?? 10);
    }
    await domain.clock.advance(0);
    this.#watchLimit();
  }

  /** All troubles end: every node is well and reports. */
  async calmDown(): Promise<void> {
    const { domain } = this;
    for (const node of domain.nodes) {
      node.mode = "well";
      domain.keepRefreshing(node);
    }
    await domain.clock.advance(QUIET_MS);
    await Promise.all(this.pending);
  }

  /** What does not hold although everything is calm. */
  complaints(): string[] {
    const complaints: string[] = [];
    const { domain, outputs } = this;
    let placed = 0;
    // A killed ε-ORC cannot know of what a Rust node was starting at that moment.
    const mayLeak = this.wasKilled && domain.nodes.some(({ isReference }) => isReference);
    for (const [id, wanted] of outputs) {
      const status = domain.status(id);
      const instances = domain.nodes.flatMap((node) => this.#instancesOf(node, id));
      const canRun = domain.nodes.some((node) => this.#fits(node, id));
      const isPlaced = status?.instance !== undefined;
      if (isPlaced) placed++;
      if (canRun && !isPlaced) complaints.push(`${id} could run and does not: ${JSON.stringify(status)}`);
      const [only] = mayLeak ? instances.filter(({ place }) => place === domain.placeOf(id)) : instances;
      const count = mayLeak ? (only === undefined ? 0 : 1) : instances.length;
      if (count !== (isPlaced ? 1 : 0)) complaints.push(`${id} has ${instances.length} instances`);
      if (only === undefined) continue;
      if (only.place !== domain.placeOf(id))
        complaints.push(`${id} runs at ${only.place}, not where it should`);
      const expected = [...wanted]
        .filter(([, target]) => domain.placeOf(target) !== "nowhere")
        .map(([channel, target]) => `${channel}=${domain.placeOf(target)}`)
        .sort();
      const found = [...only.outputs]
        .map(([c, { nodeId, functionId }]) => `${c}=${nodeId}/${functionId}`)
        .sort();
      if (JSON.stringify(expected) !== JSON.stringify(found))
        complaints.push(`${id} is wired to ${found.join()}, not to ${expected.join()}`);
    }
    const running = domain.nodes.reduce((sum, node) => sum + node.instances.size, 0);
    if (running !== placed && !mayLeak)
      complaints.push(`${running} instances for ${placed} placed components`);
    if (this.worst > 1 && !this.wasKilled) complaints.push(`${this.worst} instances of a class limited to 1`);
    for (const node of domain.nodes)
      for (const peer of domain.nodes)
        if (
          (node.gateway === undefined || node.gateway !== peer.gateway) &&
          node.peers.get(peer.id) !== peer.invocationUrl
        )
          complaints.push(`${node.id} misses its peer ${peer.id}`);
    return complaints;
  }

  async #join(who: number, whom: number): Promise<void> {
    const node = await this.domain.addNode({
      labels: LABELS.filter((_, i) => (who >> i) % 2 === 0),
      providers: whom % 2 === 0 ? [provider(`provider-${whom % 3}`)] : [],
      isReference: whom % 4 === 1,
      ...(whom % 4 >= 2 ? { gateway: this.#gateway } : {}),
    });
    this.domain.keepRefreshing(node);
  }

  /** The process of the gateway is another one, which keeps nothing. */
  #loseGateway(): void {
    const gateway = this.#gateway;
    gateway.announced = { ...gateway.announced, nonce: gateway.announced.nonce + 1n };
    gateway.peers.clear();
    for (const node of this.domain.nodes) if (node.gateway !== undefined) node.restart();
  }

  #start(isResource: boolean, whom: number): void {
    const { domain } = this;
    const label = LABELS[whom % 4];
    const annotations: Record<string, string> = label === undefined ? {} : { label_match_all: label };
    const isOnce = !isResource && whom % 5 === 0;
    if (isOnce) annotations.max_instances = "1";
    const mark = String(++this.#mark);
    const request = domain.functionRequest(isOnce ? "once" : "f", { ...annotations, "init-payload": mark });
    const configuration = { ...annotations, mark };
    const started = isResource
      ? domain.orchestrator.startResource(resource("rc-1", configuration))
      : domain.orchestrator.startFunction(request);
    this.pending.push(
      started.then((result) => {
        if (!result.ok) return;
        this.outputs.set(result.value, new Map());
        this.marks.set(result.value, mark);
        this.annotations.set(result.value, isResource ? { ...annotations, class: "rc-1" } : annotations);
      }),
    );
  }

  #patch(id: Uuid, other: Uuid, whom: number): void {
    const outputs = new Map(whom % 5 === 0 ? [] : this.outputs.get(id));
    if (whom % 5 !== 0) outputs.set(`out-${whom % 3}`, other);
    this.outputs.set(id, outputs);
    this.pending.push(this.domain.orchestrator.patchFunction({ source: id, outputs }));
  }

  async #stop(id: Uuid): Promise<void> {
    this.outputs.delete(id);
    await this.domain.orchestrator.stopFunction(id);
  }

  async #kill(): Promise<void> {
    this.wasKilled = true;
    await this.domain.killOrchestrator();
    await Promise.all(this.pending);
    await this.domain.startOrchestrator();
  }

  #reset(): void {
    this.outputs.clear();
    this.domain.orchestrator.reset(this.domain.orchestrator.sequence);
  }

  #fits(node: SimulatedNode, id: Uuid): boolean {
    const placement = this.domain.orchestrator.report().nodes?.find(({ nodeId }) => nodeId === node.id);
    const annotations = this.annotations.get(id) ?? {};
    const parsed = parseRequirements(new Map(Object.entries(annotations)));
    if (placement === undefined || !parsed.ok) return false;
    const spawn =
      annotations.class === undefined
        ? ({ kind: "function", request: this.domain.functionRequest("f") } as const)
        : ({ kind: "resource", specification: resource(annotations.class) } as const);
    return whyUnfit(placement, spawn, parsed.requirements) === undefined;
  }

  #instancesOf(node: SimulatedNode, id: Uuid) {
    return [...node.instances].flatMap(([functionId, { spawn, outputs }]) => {
      const mark =
        "classType" in spawn ? spawn.configuration.get("mark") : spawn.annotations.get("init-payload");
      return mark === this.marks.get(id) ? [{ place: `${node.id}/${functionId}`, outputs }] : [];
    });
  }

  /** Counts the limited instances, except those that a node lost to the domain brings back until it is emptied. */
  #watchLimit(): void {
    const registered = new Set(this.domain.orchestrator.report().nodes?.map(({ nodeId }) => nodeId));
    let live = 0;
    for (const node of this.domain.nodes) {
      for (const [functionId, { spawn }] of node.instances) {
        if (!registered.has(node.id)) this.#leftBehind.add(functionId);
        if ("code" in spawn && spawn.code.id === "once" && !this.#leftBehind.has(functionId)) live++;
      }
    }
    if (live > this.worst) this.worst = live;
  }
}

function pick<T>(items: readonly T[], number: number): T | undefined {
  return items.length === 0 ? undefined : items[number % items.length];
}

const steps = fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000)), {
  minLength: 5,
  maxLength: 80,
  size: "max",
});

t.test(
  "given any history of nodes, starts, stops, patches and failures, when calm returns, then every component that fits somewhere has one instance, wired as wanted",
  async (t) => {
    t.ok(CALL_TIMEOUT_MS < QUIET_MS);
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), fc.nat(), async (history, takesTurns, seed) => {
        const domain = await SimulatedDomain.open(takesTurns ? "RoundRobin" : "Random", seed + 1);
        const world = new History(domain);
        for (const step of history) await world.apply(step);
        await world.calmDown();
        const complaints = world.complaints();
        await domain.killOrchestrator();
        if (complaints.length > 0) throw new Error(complaints.join("\n"));
      }),
      { numRuns: 60, interruptAfterTimeLimit: 40_000 },
    );
  },
);
