import {
  AlarmAction,
  MemberAddRequest,
  type AlarmRequest,
  type AlarmResponse,
  type HashKvResponse,
  type HashResponse,
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
  type StatusResponse,
} from "@triarch/etcd-proto";
import type { SnapshotFile } from "./etcd-server.ts";
import { ServedRequests } from "./served-requests.ts";

/** Requests that concern the cluster and not its keys: members, alarms, upkeep. */
export abstract class ClusterRequests extends ServedRequests {
  async memberList(request: { readonly linearizable: boolean }): Promise<MemberListResponse> {
    this.assertOpen();
    if (request.linearizable) await this.parts.reads.barrier();
    const members = this.parts.state.membership.list();
    return { header: this.headerAt(0), members: members.map((member) => ({ ...member })) };
  }

  async memberAdd(request: MemberAddRequestInit): Promise<MemberAddResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { ...(await this.parts.members.add(MemberAddRequest.create(request))), header: this.headerAt(0) };
  }

  async memberRemove(request: MemberRemoveRequest): Promise<MemberRemoveResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { ...(await this.parts.members.remove(request)), header: this.headerAt(0) };
  }

  async memberUpdate(request: MemberUpdateRequest): Promise<MemberUpdateResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { ...(await this.parts.members.update(request)), header: this.headerAt(0) };
  }

  async memberPromote(request: MemberPromoteRequest): Promise<MemberPromoteResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { ...(await this.parts.members.promote(request)), header: this.headerAt(0) };
  }

  async memberReplace(request: MemberReplaceRequest): Promise<MemberReplaceResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { ...(await this.parts.members.replace(request)), header: this.headerAt(0) };
  }

  async alarm(request: AlarmRequest): Promise<AlarmResponse> {
    this.assertOpen();
    if (request.action === AlarmAction.get) {
      const all = this.parts.state.alarms.list(request.alarm);
      const alarms = all.filter((alarm) => request.memberId === 0n || alarm.memberId === request.memberId);
      return { header: this.header(), alarms };
    }
    const applied = (await this.propose({ alarm: request })) as {
      readonly revision: number;
      readonly alarms: AlarmResponse["alarms"];
    };
    return { header: this.headerAt(applied.revision), alarms: applied.alarms };
  }

  async status(): Promise<StatusResponse> {
    this.assertOpen();
    return this.parts.maintenance.status(this.header());
  }

  async hash(): Promise<HashResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { header: this.header(), hash: await this.parts.maintenance.hash() };
  }

  async hashKv(request: { readonly revision: number }): Promise<HashKvResponse> {
    this.assertOpen();
    this.mayAdminister();
    return { header: this.header(), ...(await this.parts.state.mvcc.hashKv(request.revision)) };
  }

  async defragment(): Promise<void> {
    this.assertOpen();
    this.mayAdminister();
    this.parts.maintenance.compactFiles();
  }

  async moveLeader(request: { readonly targetId: bigint }): Promise<void> {
    this.assertOpen();
    this.mayAdminister();
    await this.parts.maintenance.moveLeader(request.targetId);
  }

  async snapshot(): Promise<SnapshotFile> {
    this.assertServing();
    this.mayAdminister();
    return this.parts.maintenance.snapshot(this.parts.state.mvcc.revision);
  }

  async handOverLeadership(): Promise<void> {
    this.assertOpen();
    this.mayAdminister();
    await this.parts.maintenance.handOverLeadership();
  }
}
