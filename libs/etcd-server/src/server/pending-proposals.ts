import type { Clock } from "@triarch/base";
import { InternalRaftRequest } from "@triarch/etcd-proto";
import { EtcdServerError, type EtcdServerFailure } from "./errors.ts";

/** It is in no log that counts and never will be: it was dropped before it reached one, or a later term went on without it. */
export class ProposalRefused extends Error {
  override readonly name = "ProposalRefused";
}

interface Pending {
  readonly term: number;
  readonly termIsExact: boolean;
  readonly deadlineMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Proposals of this member that were handed to Raft and wait to see themselves applied, by request id. Each ends in
 * one of these ways:
 * - applied here: answer or refusal;
 * - an entry of a later term was applied first. Raft takes a proposal into a log only in the term in which it was made
 *   (I1 and I2 of the node's `proposals.ts`), and terms only rise along a log: it is in no log that counts, `ProposalRefused`. When its
 *   term is not known exactly: "leaderChanged";
 * - its deadline, or a snapshot that may hold it: its fate is unknown, and it is never proposed again here.
 */
export class PendingProposals {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #byId = new Map<bigint, Pending>();
  /** Terms are handed out in ascending order, so the oldest pending one has the lowest. */
  #lowestTerm = Number.POSITIVE_INFINITY;

  constructor(options: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** @param term of this member when it proposed; `termIsExact`: Raft refuses it in any other */
  add(id: bigint, term: number, { termIsExact } = { termIsExact: false }): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs;
      this.#byId.set(id, { term, termIsExact, deadlineMs, resolve, reject });
      this.#lowestTerm = Math.min(this.#lowestTerm, term);
    });
  }

  has(id: bigint): boolean {
    return this.#byId.has(id);
  }

  resolve(id: bigint, result: unknown): void {
    const pending = this.#byId.get(id);
    this.#byId.delete(id);
    pending?.resolve(result);
  }

  reject(id: bigint, error: Error): void {
    const pending = this.#byId.get(id);
    this.#byId.delete(id);
    pending?.reject(error);
  }

  /** Raft's driver gives these back, unproposed. */
  refused(payloads: readonly Uint8Array[], reason: string): void {
    for (const payload of payloads) {
      this.reject(InternalRaftRequest.decode(payload).header?.id ?? 0n, new ProposalRefused(reason));
    }
  }

  /** An entry of `term` was applied: whatever was proposed in an earlier term and is not applied yet never comes. */
  termApplied(term: number): void {
    if (this.#lowestTerm >= term) return;
    for (const [id, pending] of this.#byId) {
      if (pending.term >= term) continue;
      const failure = new EtcdServerError({ code: "leaderChanged" });
      this.reject(id, pending.termIsExact ? new ProposalRefused("staleTerm", { cause: failure }) : failure);
    }
    this.#lowestTerm = this.#byId.size === 0 ? Number.POSITIVE_INFINITY : term;
  }

  /** The state was replaced: what is pending may be in it. */
  stateReplaced(): void {
    this.failAll({ code: "leaderChanged" });
  }

  /** To be called now and then; `cause` tells why nothing came. */
  expire(cause: "none" | "leaderFailure"): void {
    const now = this.#clock.monotonicMs();
    // In order of arrival, so the first that is not due ends the search.
    for (const [id, pending] of this.#byId) {
      if (pending.deadlineMs > now) return;
      this.reject(id, new EtcdServerError({ code: "timeout", cause }));
    }
  }

  failAll(failure: EtcdServerFailure): void {
    for (const id of [...this.#byId.keys()]) this.reject(id, new EtcdServerError(failure));
  }
}
