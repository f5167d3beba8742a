/** Clients write and read registers on any member, one thing at a time each, and tell observers what they were told. */
import { decodeWrite, encodeWrite } from "./kv-state.ts";
import type { Write } from "./kv-state.ts";
import type { Cluster } from "./cluster.ts";
import type { Member } from "./member.ts";
import type { ReadFloors } from "./observer.ts";

/** Some give up soon: who waits for a member that is cut off sees nothing of the others. */
const timeoutMinMs = 150;
const timeoutMaxMs = 3_000;

interface PendingWrite {
  readonly write: Write;
  readonly member: Member;
  readonly done: (outcome: "applied" | "refused" | "unknown") => void;
}

interface PendingRead {
  readonly key: string;
  readonly member: Member;
  readonly floors: ReadFloors;
  /** Known once the member has it from the leader. */
  index: number | undefined;
  readonly done: () => void;
}

export class Clients {
  readonly #cluster: Cluster;
  readonly #keyCount: number;
  readonly #writes = new Map<string, PendingWrite>();
  readonly #reads = new Set<PendingRead>();
  #lastId = 0;

  constructor(cluster: Cluster, keyCount: number) {
    this.#cluster = cluster;
    this.#keyCount = keyCount;
  }

  /** Begins one client's work; it never ends. */
  begin(): void {
    const { world } = this.#cluster;
    world.after(world.between(0, world.chance(0.2) ? 400 : 60), () => {
      const member = this.#someMember();
      if (member === undefined) this.begin();
      else if (world.chance(0.6)) this.#write(member, () => this.begin());
      else this.#read(member, () => this.begin());
    });
  }

  /** Often one that calls itself leader, by right or not: it has the most to get wrong. */
  #someMember(): Member | undefined {
    const { world, running } = { world: this.#cluster.world, running: this.#cluster.running };
    const leaders = running.filter(({ node }) => node?.isLeader === true);
    return world.pick(leaders.length > 0 && world.chance(0.4) ? leaders : running);
  }

  /** Writes once on `member`. @param done what is known of it */
  write(member: Member, done: (outcome: "applied" | "refused" | "unknown") => void): void {
    const { world } = this.#cluster;
    const key = `k${world.rng.int(this.#keyCount)}`;
    const id = `w${(this.#lastId += 1)}`;
    const write = { id, key, value: `${id}${"-".repeat(world.rng.int(world.chance(0.05) ? 1500 : 100))}` };
    const outcome = member.node?.propose(encodeWrite(write)) ?? "stopped";
    if (outcome !== "accepted") {
      world.after(20, () => done("refused"));
      return;
    }
    const end = (result: "applied" | "refused" | "unknown"): void => {
      if (this.#writes.delete(id)) done(result);
    };
    this.#writes.set(id, { write, member, done: end });
    world.after(world.between(timeoutMinMs, timeoutMaxMs), () => end("unknown"));
  }

  #write(member: Member, next: () => void): void {
    this.write(member, (outcome) => {
      if (outcome === "unknown") this.#cluster.coverage.add("writesUnknown");
      next();
    });
  }

  #read(member: Member, next: () => void): void {
    const { world, agreed, reads, coverage } = this.#cluster;
    const key = `k${world.rng.int(this.#keyCount)}`;
    const floors = { applied: agreed.highestIndex, written: reads.newestKnown(key) };
    const read: PendingRead = { key, member, floors, index: undefined, done: next };
    const fail = (): void => {
      if (!this.#reads.delete(read)) return;
      coverage.add("readsFailed");
      world.after(10, next);
    };
    const { node, process } = member;
    if (node === undefined) return void world.after(10, next);
    this.#reads.add(read);
    node.readIndex().then(
      (index) => {
        if (!process.alive) return;
        read.index = index;
        this.progressed(member);
      },
      () => fail(),
    );
    world.after(world.between(timeoutMinMs, timeoutMaxMs), fail);
  }

  /** `member` has applied more: what waits there may be done. */
  progressed(member: Member): void {
    const state = member.machine?.state;
    if (state === undefined) return;
    const { observer } = this.#cluster;
    for (const [id, pending] of this.#writes) {
      const index = pending.member === member ? state.appliedAt(id) : undefined;
      if (index === undefined) continue;
      observer.onWriteAcknowledged?.({ id, key: pending.write.key, index });
      pending.done("applied");
    }
    for (const read of this.#reads) {
      if (read.member !== member || read.index === undefined || read.index > state.index) continue;
      this.#reads.delete(read);
      const { key, index, floors } = read;
      const writtenAt = state.register(key)?.index ?? 0;
      observer.onRead?.({ memberId: member.id, key, index, writtenAt, floors });
      read.done();
    }
  }

  refused(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) {
      const { id } = decodeWrite(payload);
      this.#cluster.observer.onWriteRefused?.(id);
      this.#writes.get(id)?.done("refused");
    }
  }

  /** What was under way there may have happened or not. */
  processEnded(member: Member): void {
    for (const pending of this.#writes.values()) if (pending.member === member) pending.done("unknown");
    for (const read of this.#reads) {
      if (read.member !== member || !this.#reads.delete(read)) continue;
      this.#cluster.coverage.add("readsFailed");
      this.#cluster.world.after(10, read.done);
    }
  }
}
