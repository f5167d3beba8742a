/**
 * Faster than timeouts where the operating system tells us: when a connection of the leader ends, its process is most
 * likely dead. This member then follows nobody (otherwise check-quorum peers would go on waiting for the leader) and
 * tries a pre-vote after a short random wait; a leader that lives after all keeps its office, because peers that hear
 * it refuse, and its next heartbeat is followed again. The same starts a new cluster, once a quorum is connected.
 *
 * Bound: `fastElectionAttemptsMax` attempts; then ordinary election timeouts take over.
 */
import type { Rng, Timer, Timers } from "@triarch/base";
import type { MemberId } from "@triarch/raft";
import { fastElectionAttemptsMax, fastElectionStaggerMs } from "../limits.ts";

export interface FastElectionOptions {
  /** False: lease reads rely on the leader not being forgotten. */
  readonly enabled: boolean;
  /** Between attempts, and for a living leader to be heard after the start. */
  readonly patienceMs: number;
  readonly rng: Rng;
  readonly timers: Timers;
  readonly leader: () => MemberId;
  readonly forgetLeader: () => void;
  readonly campaign: () => void;
}

export class FastElection {
  readonly #options: FastElectionOptions;
  #timer: Timer | undefined;
  #attempts = 0;

  constructor(options: FastElectionOptions) {
    this.#options = options;
  }

  peerLost(peer: MemberId): void {
    const { enabled, leader, forgetLeader } = this.#options;
    if (!enabled || peer !== leader()) return;
    forgetLeader();
    this.#begin(0);
  }

  quorumConnected(): void {
    if (this.#options.enabled && this.#options.leader() === 0n) this.#begin(this.#options.patienceMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #begin(waitMs: number): void {
    this.#attempts = 0;
    if (this.#timer === undefined || waitMs === 0) this.#schedule(waitMs);
  }

  #schedule(waitMs: number): void {
    this.stop();
    const { timers, rng } = this.#options;
    this.#timer = timers.after(waitMs + rng.next() * fastElectionStaggerMs, () => this.#attempt());
  }

  #attempt(): void {
    this.#timer = undefined;
    if (this.#options.leader() !== 0n) return;
    this.#options.campaign();
    this.#attempts += 1;
    if (this.#attempts < fastElectionAttemptsMax) this.#schedule(this.#options.patienceMs);
  }
}
