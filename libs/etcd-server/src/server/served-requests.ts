import type { Access } from "@triarch/etcd-auth";
import type { InternalRaftRequestInit, RangeRequest, ResponseHeader } from "@triarch/etcd-proto";
import type { Caller } from "../auth/caller.ts";
import type { ClientAuth } from "../auth/client-auth.ts";
import type { MembershipRequests } from "../members/membership-requests.ts";
import type { ReplicatedState } from "./applier.ts";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError } from "./errors.ts";
import type { LeaseRequests } from "./lease-requests.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Proposer } from "./proposer.ts";
import type { Reads } from "./reads.ts";
import type { SpaceKeeper } from "./space-keeper.ts";
import type { Watches } from "./watches.ts";

export interface ServerParts {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly state: ReplicatedState;
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly reads: Reads;
  readonly leases: LeaseRequests;
  readonly members: MembershipRequests;
  readonly maintenance: Maintenance;
  readonly space: SpaceKeeper;
  readonly watches: Watches;
  readonly clientAuth: ClientAuth;
  /** Who everything is done for that no client asked for. */
  readonly cluster: Caller;
  /** Ends everything, in order. */
  readonly close: () => Promise<void>;
}

/** In whose name, on which server. */
export interface ServerClient {
  readonly caller: Caller;
  readonly main: ServedRequests;
}

/** What every request to a server needs: who makes it, whether it may, whether the store answers at all, the header. */
export abstract class ServedRequests {
  protected readonly parts: ServerParts;
  protected readonly caller: Caller;
  /** The one that acts for the cluster. */
  protected readonly main: ServedRequests;
  #closing: Promise<void> | undefined;

  /** @param client without it for the cluster itself */
  constructor(parts: ServerParts, client?: ServerClient) {
    this.parts = parts;
    this.caller = client?.caller ?? parts.cluster;
    this.main = client?.main ?? this;
  }

  header(): ResponseHeader {
    return this.headerAt(this.parts.state.mvcc.revision);
  }

  close(): Promise<void> {
    const { main } = this;
    main.#closing ??= this.parts.close();
    return main.#closing;
  }

  protected get access(): Access {
    return this.parts.state.auth.access;
  }

  protected mayRead({ key, rangeEnd }: Pick<RangeRequest, "key" | "rangeEnd">): void {
    this.access.read(this.caller.identity(), key, rangeEnd);
  }

  protected mayAdminister(): void {
    this.access.administer(this.caller.identity());
  }

  protected propose(request: InternalRaftRequestInit): Promise<unknown> {
    return this.parts.proposer.propose(request, this.caller);
  }

  /** @throws EtcdServerError "stopped"; "corrupt" while this member's data are not to be trusted */
  protected assertServing(): void {
    this.assertOpen();
    const { state, memberId } = this.parts;
    if (state.alarms.isOutOfService(memberId)) throw new EtcdServerError({ code: "corrupt" });
  }

  protected assertOpen(): void {
    if (this.main.#closing !== undefined) throw new EtcdServerError({ code: "stopped" });
  }

  protected headerAt(revision: number): ResponseHeader {
    const { clusterId, memberId, consensus } = this.parts;
    return { clusterId, memberId, revision, raftTerm: consensus.term };
  }

  protected answer<Response extends { readonly header: ResponseHeader | undefined }>(response: Response): Response {
    return { ...response, header: this.headerAt(response.header?.revision ?? 0) };
  }
}
