/** One run: a cluster under load and faults for a while, then healing, then the last look. */
import { Cluster } from "./cluster/cluster.ts";
import { Clients } from "./cluster/clients.ts";
import type { Coverage } from "./cluster/coverage.ts";
import { Faults } from "./cluster/faults.ts";
import type { Member } from "./cluster/member.ts";
import { Operator } from "./cluster/operator.ts";
import { planFor } from "./cluster/plan.ts";
import { describe } from "./checkers/membership-safety.ts";
import { World } from "./world/world.ts";
import type { Violation } from "./world/world.ts";

/** After the faults end, everything must work again within this simulated time. */
const healingMaxMs = 90_000;

export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly digest: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly coverage: Readonly<Record<string, number>>;
}

/** Runs one seed. The same seed gives the same result, whatever ran before. */
export async function simulate(seed: number, onTrace?: (line: string) => void): Promise<RunResult> {
  const world = new World(seed, onTrace);
  const lost = (error: unknown): void => {
    world.violate("memberSurvives", `nobody handled: ${error instanceof Error ? error.stack : String(error)}`);
  };
  process.on("unhandledRejection", lost);
  try {
    const coverage = await new Run(seed, world).run();
    const { digest, violation, eventCount, nowMs } = world;
    return { seed, violation, digest, events: eventCount, simulatedMs: nowMs, coverage: coverage.toJSON() };
  } finally {
    process.off("unhandledRejection", lost);
  }
}

class Run {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #operator: Operator;
  readonly #faults: Faults;
  readonly #roughMs: number;

  constructor(seed: number, world: World) {
    const plan = planFor(seed);
    this.#world = world;
    this.#roughMs = plan.roughMs;
    this.#cluster = new Cluster(world, plan, {
      onProgress: (member) => this.#clients.progressed(member),
      onRefused: (payloads) => this.#clients.refused(payloads),
      onProcessEnded: (member) => this.#processEnded(member),
    });
    this.#clients = new Clients(this.#cluster, plan.keyCount);
    this.#operator = new Operator(this.#cluster, plan.changesMembership);
    this.#faults = new Faults(this.#cluster, this.#operator, plan);
    world.trace(`seed ${seed}: ${JSON.stringify(plan)}`);
    for (let i = 0; i < plan.clientCount; i++) this.#clients.begin();
  }

  async run(): Promise<Coverage> {
    const { world } = this.#cluster;
    for (const member of this.#cluster.members.values()) void member.start();
    this.#operator.begin();
    world.after(1_000, () => this.#faults.begin());
    await world.run(this.#roughMs, () => false);
    this.#faults.heal();
    this.#operator.calm();
    await this.#healed();
    this.#cluster.countWorld();
    return this.#cluster.coverage;
  }

  #processEnded(member: Member): void {
    this.#clients.processEnded(member);
    this.#operator.startLater(member);
  }

  /** Repairs are done, then a write gets through on every member, then all have the same state. */
  async #healed(): Promise<void> {
    const deadlineMs = this.#world.nowMs + healingMaxMs;
    if (!(await this.#world.run(deadlineMs, () => this.#operator.isDone))) return this.#stuck("repairs are not done");
    const members = this.#cluster.configured;
    const unwritten = new Set(members);
    for (const member of members) this.#writeThrough(member, () => unwritten.delete(member));
    const allWritten = await this.#world.run(deadlineMs, () => unwritten.size === 0);
    if (!allWritten) return this.#stuck(`no write gets through on ${names([...unwritten])}`);
    if (!(await this.#world.run(deadlineMs, () => this.#agree(members)))) {
      if (this.#world.violation === undefined) this.#world.violate("convergence", this.#picture());
      return;
    }
    const ended = members.flatMap(({ id, machine }) => {
      return machine === undefined ? [] : [{ memberId: id, state: machine.state }];
    });
    this.#cluster.observer.onEnd?.(ended);
  }

  #writeThrough(member: Member, done: () => void): void {
    this.#clients.write(member, (outcome) => {
      if (outcome === "applied") done();
      else this.#world.after(50, () => this.#writeThrough(member, done));
    });
  }

  #agree(members: readonly Member[]): boolean {
    const first = members[0]?.machine?.state;
    return members.every(({ machine }) => {
      return machine?.state.index === first?.index && machine?.state.chain === first?.chain;
    });
  }

  #stuck(text: string): void {
    if (this.#world.violation === undefined) this.#world.violate("progress", `${text}; ${this.#picture()}`);
  }

  #picture(): string {
    return [...this.#cluster.members.values()]
      .map(({ id, state, node, machine }) => {
        const status = node?.status();
        const raft = status === undefined ? "" : ` ${status.role} of ${status.leader.toString()} term ${status.term}`;
        const log =
          status === undefined
            ? ""
            : ` last ${status.index} commit ${status.commitIndex}, ${describe(status.confState)}`;
        return `${id.toString()} ${state}${raft}${log} applied ${machine?.state.index ?? "-"}`;
      })
      .join("; ");
  }
}

function names(members: readonly Member[]): string {
  return members.map(({ id }) => id.toString()).join(", ");
}
