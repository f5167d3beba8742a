import { emptyBytes } from "@triarch/base";
import {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  type CompactionRequest,
  type CompactionResponse,
  type DeleteRangeRequestInit,
  type DeleteRangeResponse,
  type LeaseGrantResponse,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeResponse,
  type LeaseTimeToLiveResponse,
  type PutRequestInit,
  type PutResponse,
  type RangeRequestInit,
  type RangeResponse,
  type TxnRequestInit,
  type TxnResponse,
} from "@triarch/etcd-proto";
import {
  isReadOnlyTxn,
  isSerializableTxn,
  validateDeleteRange,
  validatePut,
  validateRange,
  validateTxn,
  type EncodedRange,
} from "@triarch/mvcc";
import { AuthRequests, type AuthApi } from "../auth/auth-requests.ts";
import { clientCaller, type Credentials } from "../auth/caller.ts";
import type { StoreStatus } from "../store-client.ts";
import { ClusterRequests } from "./cluster-requests.ts";
import type { EtcdServer, ServerWatch, ServerWatchRequest, ServerWatchSink } from "./etcd-server.ts";
import { costOfLease, costOfPut, costOfTxn } from "./space-guard.ts";

/** `EtcdServer` over Raft: what only reads goes to `Reads`, what writes to `Proposer`; answers get their header here. */
export class ReplicatedServer extends ClusterRequests implements EtcdServer {
  as(credentials: Credentials): EtcdServer {
    const { state, clientAuth } = this.parts;
    const caller = clientCaller(state.auth, clientAuth.tokens, credentials);
    return new ReplicatedServer(this.parts, { caller, main: this.main });
  }

  get auth(): AuthApi {
    this.assertOpen();
    const { state, reads, proposer, clientAuth } = this.parts;
    return new AuthRequests({ auth: state.auth, reads, proposer, ...clientAuth }, this.caller, () => this.header());
  }

  credentialsKnown({ token }: Credentials): Promise<void> | undefined {
    return token === undefined ? undefined : this.parts.clientAuth.tokenKnown(token);
  }

  async range(request: RangeRequestInit): Promise<RangeResponse> {
    this.assertServing();
    const full = RangeRequest.create(request);
    validateRange(full);
    return this.answer(await this.parts.reads.range(full, () => this.mayRead(full)));
  }

  async rangeEncoded(request: RangeRequestInit): Promise<EncodedRange> {
    this.assertServing();
    const full = RangeRequest.create(request);
    validateRange(full);
    return this.answer(await this.parts.reads.rangeEncoded(full, () => this.mayRead(full)));
  }

  async put(request: PutRequestInit): Promise<PutResponse> {
    this.assertServing();
    validatePut(PutRequest.create(request));
    this.parts.space.admit(costOfPut(request));
    return this.answer((await this.propose({ put: request })) as PutResponse);
  }

  async deleteRange(request: DeleteRangeRequestInit): Promise<DeleteRangeResponse> {
    this.assertServing();
    validateDeleteRange(DeleteRangeRequest.create(request));
    return this.answer((await this.propose({ deleteRange: request })) as DeleteRangeResponse);
  }

  async txn(request: TxnRequestInit): Promise<TxnResponse> {
    this.assertServing();
    const full = TxnRequest.create(request);
    validateTxn(full);
    if (isReadOnlyTxn(full)) {
      const permit = (): void => this.access.txn(this.caller.identity(), full);
      return this.answer(await this.parts.reads.txn(full, isSerializableTxn(full), permit));
    }
    this.parts.space.admit(costOfTxn(request));
    return this.answer((await this.propose({ txn: request })) as TxnResponse);
  }

  async compact(request: CompactionRequest): Promise<CompactionResponse> {
    this.assertServing();
    const applied = (await this.propose({ compaction: request })) as { readonly revision: number };
    if (request.physical) await this.parts.maintenance.compactedPhysically();
    return { header: this.headerAt(applied.revision) };
  }

  async leaseGrant(request: { readonly id: bigint; readonly ttl: number }): Promise<LeaseGrantResponse> {
    this.assertServing();
    this.parts.space.admit(costOfLease);
    const { revision, id, ttl } = await this.parts.leases.grant(request, this.caller);
    return { header: this.headerAt(revision), id, ttl, error: "" };
  }

  async leaseRevoke(request: { readonly id: bigint }): Promise<LeaseRevokeResponse> {
    this.assertServing();
    const { revision } = await this.parts.leases.revoke(request.id, this.caller);
    return { header: this.headerAt(revision) };
  }

  async leaseKeepAlive(request: { readonly id: bigint }): Promise<LeaseKeepAliveResponse> {
    this.assertServing();
    const header = this.header(); // before the renewal, as etcd
    return { header, id: request.id, ttl: await this.parts.leases.keepAlive(request.id) };
  }

  async leaseTimeToLive(request: { readonly id: bigint; readonly keys: boolean }): Promise<LeaseTimeToLiveResponse> {
    this.assertServing();
    const times = await this.parts.leases.timeToLive(request);
    for (const key of times.keys) this.mayRead({ key, rangeEnd: emptyBytes });
    return { header: this.header(), id: request.id, ...times };
  }

  async leaseLeases(): Promise<LeaseLeasesResponse> {
    this.assertServing();
    return { header: this.header(), leases: this.parts.state.lessor.leaseIds().map((id) => ({ id })) };
  }

  mayWatch(request: Pick<ServerWatchRequest, "key" | "rangeEnd">): void {
    this.assertOpen();
    this.mayRead(request);
  }

  watch(request: ServerWatchRequest, sink: ServerWatchSink): ServerWatch {
    this.assertServing();
    this.mayRead(request);
    return this.parts.watches.add(request, sink);
  }

  async readBarrier(): Promise<number> {
    this.assertServing();
    await this.parts.reads.barrier();
    return this.parts.state.mvcc.revision;
  }

  storeStatus(): StoreStatus {
    return this.parts.maintenance.storeStatus(this.header());
  }

  leaderId(): bigint {
    return this.parts.consensus.leader;
  }

  isLearner(): boolean {
    return this.parts.state.membership.get(this.parts.memberId)?.isLearner ?? false;
  }

  onLeaderChange(handler: (leaderId: bigint) => void): () => void {
    return this.parts.consensus.onLeaderChange(({ leader }) => handler(leader));
  }
}
