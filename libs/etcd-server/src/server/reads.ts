import type { RangeRequest, RangeResponse, TxnRequest, TxnResponse } from "@triarch/etcd-proto";
import type { EncodedRange, MvccStore } from "@triarch/mvcc";
import { RaftNodeError } from "@triarch/raft-node";
import type { AppliedWaiter } from "./applied-waiter.ts";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError, type EtcdServerFailure } from "./errors.ts";

/**
 * Reads. A linearizable one asks Raft for an index that the leader vouches for and waits until it is applied here; all
 * that ask in one turn share a round. While the rows are being replaced by a received state, reads wait.
 */
export class Reads {
  readonly #mvcc: MvccStore;
  readonly #consensus: Consensus;
  readonly #applied: AppliedWaiter;
  readonly #gate: Gate;

  constructor(options: {
    readonly mvcc: MvccStore;
    readonly consensus: Consensus;
    readonly applied: AppliedWaiter;
    readonly gate: Gate;
  }) {
    this.#mvcc = options.mvcc;
    this.#consensus = options.consensus;
    this.#applied = options.applied;
    this.#gate = options.gate;
  }

  /** @param permit called when this member knows all that it has to, right before reading; throws a refusal */
  async range(request: RangeRequest, permit: () => void): Promise<RangeResponse> {
    await this.#readable(request.serializable, permit);
    return this.#mvcc.rangePaced(request);
  }

  /** @param permit as in `range` */
  async rangeEncoded(request: RangeRequest, permit: () => void): Promise<EncodedRange> {
    await this.#readable(request.serializable, permit);
    return this.#mvcc.rangeEncoded(request);
  }

  /** @param permit as in `range` */
  async txn(request: TxnRequest, serializable: boolean, permit: () => void): Promise<TxnResponse> {
    await this.#readable(serializable, permit);
    return this.#mvcc.txn(request).response;
  }

  async #readable(serializable: boolean, permit: () => void): Promise<void> {
    if (!serializable) await this.barrier();
    if (this.#gate.shut) await this.#gate.opened();
    permit();
  }

  /** Resolves once everything committed before the call is applied here. @throws EtcdServerError */
  async barrier(): Promise<void> {
    let index: number;
    try {
      index = await this.#consensus.readIndex();
    } catch (error) {
      throw ofRaft(error);
    }
    await this.#applied.reached(index);
  }
}

/** Shut while nothing may be read. */
export class Gate {
  #until: Promise<void> | undefined;

  get shut(): boolean {
    return this.#until !== undefined;
  }

  /** Shut until `until` is settled, however. */
  hold(until: Promise<void>): void {
    this.#until = until;
    const open = (): void => {
      if (this.#until === until) this.#until = undefined;
    };
    until.then(open, open);
  }

  async opened(): Promise<void> {
    while (this.#until !== undefined) {
      await this.#until.catch(() => undefined); // who holds it reports the failure
    }
  }
}

/** What a failure of Raft's driver is called on this side. */
export function ofRaft(error: unknown): unknown {
  return error instanceof RaftNodeError ? new EtcdServerError(failureOf(error.failure), { cause: error }) : error;
}

function failureOf(failure: RaftNodeError["failure"]): EtcdServerFailure {
  switch (failure) {
    case "noLeader":
    case "notLeader":
    case "unreachable":
    case "stopped":
      return { code: failure };
    case "notMember":
      return { code: "badTransferee" };
    case "timeout":
    case "lostLog":
    case "staleState":
      return { code: "timeout", cause: "none" };
  }
}
