import type { Clock } from "@triarch/base";
import { InternalRaftRequest } from "@triarch/etcd-proto";
import { EtcdServerError, type EtcdServerFailure } from "./errors.ts";

/** Raft took the proposal and dropped it before it reached any log: it is in none and never will be. */
export class ProposalRefused extends Error {
  override readonly name = "ProposalRefused";
}

interface Pending {
  readonly term: number;
  readonly deadlineMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Proposals of this member that were handed to Raft and wait to see themselves applied, by request id. Each ends in
 * one of three ways: applied here (answer or refusal), an entry of a later term applied first (the leader it went to
 * is gone), or its deadline. The last two leave its fate unknown to the caller: it is never proposed again here.
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

  /** @param term of this member when it proposed */
  add(id: bigint, term: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs;
      this.#byId.set(id, { term, deadlineMs, resolve, reject });
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
    this.#fail((pending) => pending.term < term, { code: "leaderChanged" });
    this.#lowestTerm = this.#byId.size === 0 ? Number.POSITIVE_INFINITY : term;
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
    this.#fail(() => true, failure);
  }

  #fail(which: (pending: Pending) => boolean, failure: EtcdServerFailure): void {
    for (const [id, pending] of this.#byId) {
      if (which(pending)) this.reject(id, new EtcdServerError(failure));
    }
  }
}
