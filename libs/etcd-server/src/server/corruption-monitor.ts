import type { Clock } from "@triarch/base";
import { AlarmAction, AlarmType, type InternalRaftRequestInit } from "@triarch/etcd-proto";
import type { Logger } from "@triarch/telemetry";
import { memberIdText } from "../members/member-ids.ts";
import type { ReplicatedState } from "./applier.ts";
import type { Consensus } from "./consensus.ts";
import { compareHashes, type HashVerdict, type MemberHash } from "./hash-comparison.ts";
import type { PeerCalls } from "./peer-calls.ts";
import type { Proposer } from "./proposer.ts";
import type { Reads } from "./reads.ts";

export interface CorruptionMonitorOptions {
  readonly memberId: bigint;
  readonly state: ReplicatedState;
  readonly consensus: Consensus;
  readonly peerCalls: PeerCalls;
  readonly proposer: Proposer;
  readonly reads: Reads;
  readonly clock: Clock;
  /** Between two comparisons; 0: never. */
  readonly intervalMs: number;
  readonly logger: Logger;
}

/** A member hashes everything it has for its answer; it does so in slices beside its other work. */
const answerTimeoutMs = 10 * 60 * 1000;
/** After hashing its own data the leader rests so many times as long: it hashes a twentieth of the time at most. */
const restFactor = 20;
/** A difference counts when it is seen again at once, at a newer revision. */
const looksPerRound = 2;

/**
 * The leader asks all members for the hash of the same revision, over and over. One that differs from a quorum gets the
 * CORRUPT alarm, by which it takes itself out of service and fetches another state; when it agrees again, the alarm is
 * taken back. If nobody has a quorum, the alarm is everybody's (member 0), as in etcd: the cluster stops, and people
 * have to decide.
 */
export class CorruptionMonitor {
  readonly #options: CorruptionMonitorOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #checking = false;
  #restUntilMs = 0;
  #rounds = 0;

  constructor(options: CorruptionMonitorOptions) {
    this.#options = options;
    const { intervalMs, peerCalls } = options;
    peerCalls.serve("hashKv", (request) => this.#answer(request.revision));
    if (intervalMs > 0) this.#timer = setInterval(() => this.#tick(), intervalMs);
  }

  /** Comparisons that came to a verdict, for metrics. */
  get rounds(): number {
    return this.#rounds;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { consensus, clock, logger } = this.#options;
    if (!consensus.isLeader || this.#checking || clock.monotonicMs() < this.#restUntilMs) return;
    this.#checking = true;
    this.check()
      .catch((error: unknown) => logger.info({ error: String(error) }, "comparing the members' hashes failed"))
      .finally(() => (this.#checking = false));
  }

  /** One comparison, with its consequences. Only the leader may. */
  async check(): Promise<HashVerdict> {
    let verdict: HashVerdict = { kind: "incomparable" };
    let answers: readonly MemberHash[] = [];
    for (let look = 0; look < looksPerRound; look++) {
      answers = await this.#askAll();
      verdict = compareHashes(answers, this.#options.state.membership.list().length);
      if (verdict.kind === "alike") break;
    }
    if (verdict.kind !== "incomparable") this.#rounds += 1;
    await this.#conclude(verdict, answers);
    return verdict;
  }

  async #conclude(verdict: HashVerdict, answers: readonly MemberHash[]): Promise<void> {
    const { logger, state } = this.#options;
    const hashes = answers.map(({ memberId, hash }) => `${memberIdText(memberId)}=${hash.toString(16)}`);
    switch (verdict.kind) {
      case "minority":
        for (const memberId of verdict.memberIds) {
          logger.error({ member: memberIdText(memberId), hashes }, "a member's data differs from the majority's");
          await this.#alarm(AlarmAction.activate, memberId);
        }
        return;
      case "tie":
        logger.error({ hashes }, "members' data differ and none has a majority: the cluster stops serving");
        return this.#alarm(AlarmAction.activate, 0n);
      case "alike":
        for (const { memberId } of state.alarms.list(AlarmType.corrupt)) {
          if (!answers.some((answer) => answer.memberId === memberId)) continue;
          logger.info({ member: memberIdText(memberId) }, "the member's data agrees with the others' again");
          await this.#alarm(AlarmAction.deactivate, memberId);
        }
        return;
      case "incomparable":
        return;
    }
  }

  async #alarm(action: number, memberId: bigint): Promise<void> {
    const request: InternalRaftRequestInit = { alarm: { action, memberId, alarm: AlarmType.corrupt } };
    await this.#options.proposer.propose(request);
  }

  /** Members that do not answer are passed over. */
  async #askAll(): Promise<readonly MemberHash[]> {
    const { memberId: own, state, consensus, peerCalls, logger } = this.#options;
    const { revision } = state.mvcc;
    const asked = state.membership.list().map(async ({ id }): Promise<MemberHash | undefined> => {
      try {
        const body = { revision };
        const to = { consensus, to: id, name: "hashKv", body, timeoutMs: answerTimeoutMs } as const;
        const { hash, compactRevision } = id === own ? await this.#ownHash(revision) : await peerCalls.call(to);
        return { memberId: id, hash, compactRevision };
      } catch (error) {
        logger.debug({ member: memberIdText(id), error: String(error) }, "no hash from this member");
        return undefined;
      }
    });
    return (await Promise.all(asked)).filter((answer) => answer !== undefined);
  }

  async #ownHash(revision: number) {
    const { clock, state } = this.#options;
    const startMs = clock.monotonicMs();
    const hash = await state.mvcc.hashKv(revision);
    const nowMs = clock.monotonicMs();
    this.#restUntilMs = nowMs + restFactor * (nowMs - startMs);
    return hash;
  }

  /** The leader has applied `revision`: after a read barrier this member has, too. */
  async #answer(revision: number) {
    const { reads, state } = this.#options;
    await reads.barrier();
    return { header: undefined, ...(await state.mvcc.hashKv(revision)) };
  }
}
