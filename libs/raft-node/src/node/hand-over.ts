/** Gives leadership to another member on request, and tells when that has happened. */
import type { Timer, Timers } from "@triarch/base";
import type { MemberId, RawNode } from "@triarch/raft";
import { handOverTimeoutMs } from "../limits.ts";
import { RaftNodeError } from "../types.ts";

export class HandOver {
  readonly #timeoutMs: number;
  readonly #raw: RawNode;
  readonly #changed: () => void;
  readonly #timers: Timers;
  #underWay: { readonly to: MemberId; readonly done: PromiseWithResolvers<void>; readonly timer: Timer } | undefined;

  /** @param parts.changed Raft got an input */
  constructor(parts: {
    readonly timeoutMs: number;
    readonly raw: RawNode;
    readonly timers: Timers;
    readonly changed: () => void;
  }) {
    this.#timeoutMs = parts.timeoutMs;
    this.#raw = parts.raw;
    this.#changed = parts.changed;
    this.#timers = parts.timers;
  }

  /** @throws RaftNodeError "notLeader" | "notMember" | "timeout" | "stopped" */
  async to(to: MemberId, timeoutMs = this.#timeoutMs): Promise<void> {
    const { role, leader, progress } = this.#raw.status();
    if (leader === to) return;
    if (role !== "leader") throw new RaftNodeError("notLeader", "only the leader hands over");
    if (!progress.some((member) => member.id === to && !member.isLearner)) {
      throw new RaftNodeError("notMember", `${to.toString(16)} is no voting member`);
    }
    this.#end(new RaftNodeError("timeout", "another hand-over was begun"));
    const done = Promise.withResolvers<void>();
    const timer = this.#timers.after(timeoutMs, () => {
      this.#end(new RaftNodeError("timeout", `${to.toString(16)} does not lead after ${timeoutMs} ms`));
    });
    this.#underWay = { to, done, timer };
    this.#raw.transferLeadership(to);
    this.#changed();
    return done.promise;
  }

  /** To the voter that is furthest, if this member leads and there is one. Waits at most `handOverTimeoutMs`. */
  async toAnyone(isConnected: (id: MemberId) => boolean): Promise<void> {
    const { id: own, role, progress } = this.#raw.status();
    if (role !== "leader") return;
    const candidates = progress.filter(({ id, isLearner }) => id !== own && !isLearner && isConnected(id));
    const best = candidates.sort((left, right) => right.match - left.match)[0];
    if (best === undefined) return;
    try {
      await this.to(best.id, handOverTimeoutMs);
    } catch {
      // The others will elect one of themselves when this member is gone.
    }
  }

  leaderChanged(leader: MemberId): void {
    if (this.#underWay === undefined || leader === 0n) return;
    const { to } = this.#underWay;
    this.#end(leader === to ? undefined : new RaftNodeError("timeout", `${leader.toString(16)} was elected instead`));
  }

  stop(): void {
    this.#end(new RaftNodeError("stopped", "the node has stopped"));
  }

  #end(error: RaftNodeError | undefined): void {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    if (underWay === undefined) return;
    underWay.timer.cancel();
    if (error === undefined) underWay.done.resolve();
    else underWay.done.reject(error);
  }
}
