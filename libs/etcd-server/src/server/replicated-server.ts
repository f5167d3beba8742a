import { emptyBytes } from "@triarch/base";
import type { Access } from "@triarch/etcd-auth";
import {
  AlarmAction,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  type AlarmRequest,
  type AlarmResponse,
  type CompactionRequest,
  type CompactionResponse,
  type DeleteRangeRequestInit,
  type DeleteRangeResponse,
  type HashKvResponse,
  type HashResponse,
  type InternalRaftRequestInit,
  type LeaseGrantResponse,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeResponse,
  type LeaseTimeToLiveResponse,
  MemberAddRequest,
  type MemberAddRequestInit,
  type MemberAddResponse,
  type MemberListResponse,
  type MemberPromoteRequest,
  type MemberPromoteResponse,
  type MemberRemoveRequest,
  type MemberRemoveResponse,
  type MemberReplaceRequest,
  type MemberReplaceResponse,
  type MemberUpdateRequest,
  type MemberUpdateResponse,
  type PutRequestInit,
  type PutResponse,
  type RangeRequestInit,
  type RangeResponse,
  type ResponseHeader,
  type StatusResponse,
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
import { clientCaller, type Caller, type Credentials } from "../auth/caller.ts";
import type { ClientAuth } from "../auth/client-auth.ts";
import type { MembershipRequests } from "../members/membership-requests.ts";
import type { StoreStatus } from "../store-client.ts";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError } from "./errors.ts";
import type { EtcdServer, ServerWatch, ServerWatchRequest, ServerWatchSink, SnapshotFile } from "./etcd-server.ts";
import type { LeaseRequests } from "./lease-requests.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Proposer } from "./proposer.ts";
import type { Reads } from "./reads.ts";
import { costOfLease, costOfPut, costOfTxn } from "./space-guard.ts";
import type { SpaceKeeper } from "./space-keeper.ts";
import type { ReplicatedState } from "./applier.ts";
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

/** `EtcdServer` over Raft: what only reads goes to `Reads`, what writes to `Proposer`; answers get their header here. */
export class ReplicatedServer implements EtcdServer {
  readonly #parts: ServerParts;
  readonly #caller: Caller;
  /** The one that acts for the cluster. */
  readonly #main: ReplicatedServer;
  #closing: Promise<void> | undefined;

  /** @param client in whose name, on which server; without it for the cluster itself */
  constructor(parts: ServerParts, client?: { readonly caller: Caller; readonly main: ReplicatedServer }) {
    this.#parts = parts;
    this.#caller = client?.caller ?? parts.cluster;
    this.#main = client?.main ?? this;
  }

  as(credentials: Credentials): EtcdServer {
    const { state, clientAuth } = this.#parts;
    const caller = clientCaller(state.auth, clientAuth.tokens, credentials);
    return new ReplicatedServer(this.#parts, { caller, main: this.#main });
  }

  get auth(): AuthApi {
    this.#assertOpen();
    const { state, reads, proposer, clientAuth } = this.#parts;
    return new AuthRequests({ auth: state.auth, reads, proposer, ...clientAuth }, this.#caller, () => this.header());
  }

  credentialsKnown({ token }: Credentials): Promise<void> | undefined {
    return token === undefined ? undefined : this.#parts.clientAuth.tokenKnown(token);
  }

  async range(request: RangeRequestInit): Promise<RangeResponse> {
    this.#assertServing();
    const full = RangeRequest.create(request);
    validateRange(full);
    return this.#answer(await this.#parts.reads.range(full, () => this.#mayRead(full)));
  }

  async rangeEncoded(request: RangeRequestInit): Promise<EncodedRange> {
    this.#assertServing();
    const full = RangeRequest.create(request);
    validateRange(full);
    return this.#answer(await this.#parts.reads.rangeEncoded(full, () => this.#mayRead(full)));
  }

  async put(request: PutRequestInit): Promise<PutResponse> {
    this.#assertServing();
    validatePut(PutRequest.create(request));
    this.#parts.space.admit(costOfPut(request));
    return this.#answer((await this.#propose({ put: request })) as PutResponse);
  }

  async deleteRange(request: DeleteRangeRequestInit): Promise<DeleteRangeResponse> {
    this.#assertServing();
    validateDeleteRange(DeleteRangeRequest.create(request));
    return this.#answer((await this.#propose({ deleteRange: request })) as DeleteRangeResponse);
  }

  async txn(request: TxnRequestInit): Promise<TxnResponse> {
    this.#assertServing();
    const full = TxnRequest.create(request);
    validateTxn(full);
    if (isReadOnlyTxn(full)) {
      const permit = (): void => this.#access.txn(this.#caller.identity(), full);
      return this.#answer(await this.#parts.reads.txn(full, isSerializableTxn(full), permit));
    }
    this.#parts.space.admit(costOfTxn(request));
    return this.#answer((await this.#propose({ txn: request })) as TxnResponse);
  }

  async compact(request: CompactionRequest): Promise<CompactionResponse> {
    this.#assertServing();
    const applied = (await this.#propose({ compaction: request })) as { readonly revision: number };
    if (request.physical) await this.#parts.maintenance.compactedPhysically();
    return { header: this.#headerAt(applied.revision) };
  }

  async leaseGrant(request: { readonly id: bigint; readonly ttl: number }): Promise<LeaseGrantResponse> {
    this.#assertServing();
    this.#parts.space.admit(costOfLease);
    const { revision, id, ttl } = await this.#parts.leases.grant(request, this.#caller);
    return { header: this.#headerAt(revision), id, ttl, error: "" };
  }

  async leaseRevoke(request: { readonly id: bigint }): Promise<LeaseRevokeResponse> {
    this.#assertServing();
    const { revision } = await this.#parts.leases.revoke(request.id, this.#caller);
    return { header: this.#headerAt(revision) };
  }

  async leaseKeepAlive(request: { readonly id: bigint }): Promise<LeaseKeepAliveResponse> {
    this.#assertServing();
    const header = this.header(); // before the renewal, as etcd
    return { header, id: request.id, ttl: await this.#parts.leases.keepAlive(request.id) };
  }

  async leaseTimeToLive(request: { readonly id: bigint; readonly keys: boolean }): Promise<LeaseTimeToLiveResponse> {
    this.#assertServing();
    const times = await this.#parts.leases.timeToLive(request);
    for (const key of times.keys) this.#mayRead({ key, rangeEnd: emptyBytes });
    return { header: this.header(), id: request.id, ...times };
  }

  async leaseLeases(): Promise<LeaseLeasesResponse> {
    this.#assertServing();
    return { header: this.header(), leases: this.#parts.state.lessor.leaseIds().map((id) => ({ id })) };
  }

  async memberList(request: { readonly linearizable: boolean }): Promise<MemberListResponse> {
    this.#assertOpen();
    if (request.linearizable) await this.#parts.reads.barrier();
    const members = this.#parts.state.membership.list();
    return { header: this.#headerAt(0), members: members.map((member) => ({ ...member })) };
  }

  async memberAdd(request: MemberAddRequestInit): Promise<MemberAddResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { ...(await this.#parts.members.add(MemberAddRequest.create(request))), header: this.#headerAt(0) };
  }

  async memberRemove(request: MemberRemoveRequest): Promise<MemberRemoveResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { ...(await this.#parts.members.remove(request)), header: this.#headerAt(0) };
  }

  async memberUpdate(request: MemberUpdateRequest): Promise<MemberUpdateResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { ...(await this.#parts.members.update(request)), header: this.#headerAt(0) };
  }

  async memberPromote(request: MemberPromoteRequest): Promise<MemberPromoteResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { ...(await this.#parts.members.promote(request)), header: this.#headerAt(0) };
  }

  async memberReplace(request: MemberReplaceRequest): Promise<MemberReplaceResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { ...(await this.#parts.members.replace(request)), header: this.#headerAt(0) };
  }

  async alarm(request: AlarmRequest): Promise<AlarmResponse> {
    this.#assertOpen();
    if (request.action === AlarmAction.get) {
      const all = this.#parts.state.alarms.list(request.alarm);
      const alarms = all.filter((alarm) => request.memberId === 0n || alarm.memberId === request.memberId);
      return { header: this.header(), alarms };
    }
    const applied = (await this.#propose({ alarm: request })) as {
      readonly revision: number;
      readonly alarms: AlarmResponse["alarms"];
    };
    return { header: this.#headerAt(applied.revision), alarms: applied.alarms };
  }

  async status(): Promise<StatusResponse> {
    this.#assertOpen();
    return this.#parts.maintenance.status(this.header());
  }

  async hash(): Promise<HashResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { header: this.header(), hash: await this.#parts.maintenance.hash() };
  }

  async hashKv(request: { readonly revision: number }): Promise<HashKvResponse> {
    this.#assertOpen();
    this.#mayAdminister();
    return { header: this.header(), ...(await this.#parts.state.mvcc.hashKv(request.revision)) };
  }

  async defragment(): Promise<void> {
    this.#assertOpen();
    this.#mayAdminister();
    this.#parts.maintenance.compactFiles();
  }

  async moveLeader(request: { readonly targetId: bigint }): Promise<void> {
    this.#assertOpen();
    this.#mayAdminister();
    await this.#parts.maintenance.moveLeader(request.targetId);
  }

  async snapshot(): Promise<SnapshotFile> {
    this.#assertServing();
    this.#mayAdminister();
    return this.#parts.maintenance.snapshot(this.#parts.state.mvcc.revision);
  }

  mayWatch(request: Pick<ServerWatchRequest, "key" | "rangeEnd">): void {
    this.#assertOpen();
    this.#mayRead(request);
  }

  watch(request: ServerWatchRequest, sink: ServerWatchSink): ServerWatch {
    this.#assertServing();
    this.#mayRead(request);
    return this.#parts.watches.add(request, sink);
  }

  async readBarrier(): Promise<number> {
    this.#assertServing();
    await this.#parts.reads.barrier();
    return this.#parts.state.mvcc.revision;
  }

  header(): ResponseHeader {
    return this.#headerAt(this.#parts.state.mvcc.revision);
  }

  storeStatus(): StoreStatus {
    return this.#parts.maintenance.storeStatus(this.header());
  }

  leaderId(): bigint {
    return this.#parts.consensus.leader;
  }

  isLearner(): boolean {
    return this.#parts.state.membership.get(this.#parts.memberId)?.isLearner ?? false;
  }

  onLeaderChange(handler: (leaderId: bigint) => void): () => void {
    return this.#parts.consensus.onLeaderChange(({ leader }) => handler(leader));
  }

  async handOverLeadership(): Promise<void> {
    this.#assertOpen();
    this.#mayAdminister();
    await this.#parts.maintenance.handOverLeadership();
  }

  close(): Promise<void> {
    const main = this.#main;
    main.#closing ??= this.#parts.close();
    return main.#closing;
  }

  get #access(): Access {
    return this.#parts.state.auth.access;
  }

  #mayRead({ key, rangeEnd }: Pick<RangeRequest, "key" | "rangeEnd">): void {
    this.#access.read(this.#caller.identity(), key, rangeEnd);
  }

  #mayAdminister(): void {
    this.#access.administer(this.#caller.identity());
  }

  #propose(request: InternalRaftRequestInit): Promise<unknown> {
    return this.#parts.proposer.propose(request, this.#caller);
  }

  /** @throws EtcdServerError "stopped"; "corrupt" while this member's data are not to be trusted */
  #assertServing(): void {
    this.#assertOpen();
    const { state, memberId } = this.#parts;
    if (state.alarms.isOutOfService(memberId)) throw new EtcdServerError({ code: "corrupt" });
  }

  #assertOpen(): void {
    if (this.#main.#closing !== undefined) throw new EtcdServerError({ code: "stopped" });
  }

  #headerAt(revision: number): ResponseHeader {
    const { clusterId, memberId, consensus } = this.#parts;
    return { clusterId, memberId, revision, raftTerm: consensus.term };
  }

  #answer<Response extends { readonly header: ResponseHeader | undefined }>(response: Response): Response {
    return { ...response, header: this.#headerAt(response.header?.revision ?? 0) };
  }
}
