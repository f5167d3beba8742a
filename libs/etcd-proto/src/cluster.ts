/** Messages of `etcdserverpb.Cluster`, and `membershippb`. Source: etcd api/etcdserverpb/rpc.proto, api/membershippb/membership.proto. */
import * as f from "./fields.ts";
import { ResponseHeader } from "./kv.ts";
import { defineMessage, type Init, type Value } from "./message.ts";

export const Member = defineMessage(
  "etcdserverpb.Member",
  {
    id: f.id(1),
    name: f.string(2),
    peerUrls: f.repeatedString(3),
    clientUrls: f.repeatedString(4),
    isLearner: f.bool(5),
  },
  { jsonNames: { id: "ID", peerUrls: "peerURLs", clientUrls: "clientURLs", isLearner: "isLearner" } },
);
export type Member = Value<typeof Member>;

export const MemberAddRequest = defineMessage(
  "etcdserverpb.MemberAddRequest",
  {
    peerUrls: f.repeatedString(1),
    isLearner: f.bool(2),
    /** Of our own, far from etcd's numbers: the learner is to take this voter's place, which may be down. 0: none. */
    replacedId: f.id(1000),
  },
  { jsonNames: { peerUrls: "peerURLs", isLearner: "isLearner" } },
);
export type MemberAddRequest = Value<typeof MemberAddRequest>;
export type MemberAddRequestInit = Init<typeof MemberAddRequest>;

export const MemberAddResponse = defineMessage("etcdserverpb.MemberAddResponse", {
  header: f.message(1, () => ResponseHeader),
  member: f.message(2, () => Member),
  members: f.repeatedMessage(3, () => Member),
});
export type MemberAddResponse = Value<typeof MemberAddResponse>;

export const MemberRemoveRequest = defineMessage(
  "etcdserverpb.MemberRemoveRequest",
  { id: f.id(1) },
  { jsonNames: { id: "ID" } },
);
export type MemberRemoveRequest = Value<typeof MemberRemoveRequest>;

export const MemberUpdateRequest = defineMessage(
  "etcdserverpb.MemberUpdateRequest",
  {
    id: f.id(1),
    peerUrls: f.repeatedString(2),
  },
  { jsonNames: { id: "ID", peerUrls: "peerURLs" } },
);
export type MemberUpdateRequest = Value<typeof MemberUpdateRequest>;

export const MemberListRequest = defineMessage("etcdserverpb.MemberListRequest", { linearizable: f.bool(1) });
export type MemberListRequest = Value<typeof MemberListRequest>;

export const MemberPromoteRequest = defineMessage(
  "etcdserverpb.MemberPromoteRequest",
  { id: f.id(1) },
  { jsonNames: { id: "ID" } },
);
export type MemberPromoteRequest = Value<typeof MemberPromoteRequest>;

const headerAndMembers = {
  header: f.message(1, () => ResponseHeader),
  members: f.repeatedMessage(2, () => Member),
};
export const MemberRemoveResponse = defineMessage("etcdserverpb.MemberRemoveResponse", headerAndMembers);
export type MemberRemoveResponse = Value<typeof MemberRemoveResponse>;
export const MemberUpdateResponse = defineMessage("etcdserverpb.MemberUpdateResponse", headerAndMembers);
export type MemberUpdateResponse = Value<typeof MemberUpdateResponse>;
export const MemberListResponse = defineMessage("etcdserverpb.MemberListResponse", headerAndMembers);
export type MemberListResponse = Value<typeof MemberListResponse>;
export const MemberPromoteResponse = defineMessage("etcdserverpb.MemberPromoteResponse", headerAndMembers);
export type MemberPromoteResponse = Value<typeof MemberPromoteResponse>;

/** Of our own: a learner takes a voter's place in one step. */
export const MemberReplaceRequest = defineMessage("triarch.MemberReplaceRequest", {
  learnerId: f.id(1),
  removedId: f.id(2),
});
export type MemberReplaceRequest = Value<typeof MemberReplaceRequest>;
export const MemberReplaceResponse = defineMessage("triarch.MemberReplaceResponse", headerAndMembers);
export type MemberReplaceResponse = Value<typeof MemberReplaceResponse>;

/** What a started member says of itself. */
export const MemberAttributes = defineMessage("membershippb.Attributes", {
  name: f.string(1),
  clientUrls: f.repeatedString(2),
});
export type MemberAttributes = Value<typeof MemberAttributes>;

export const ClusterVersionSetRequest = defineMessage("membershippb.ClusterVersionSetRequest", {
  version: f.string(1),
});
export type ClusterVersionSetRequest = Value<typeof ClusterVersionSetRequest>;

export const ClusterMemberAttrSetRequest = defineMessage("membershippb.ClusterMemberAttrSetRequest", {
  memberId: f.id(1),
  memberAttributes: f.message(2, () => MemberAttributes),
});
export type ClusterMemberAttrSetRequest = Value<typeof ClusterMemberAttrSetRequest>;

export const DowngradeInfoSetRequest = defineMessage("membershippb.DowngradeInfoSetRequest", {
  enabled: f.bool(1),
  version: f.string(2),
});
export type DowngradeInfoSetRequest = Value<typeof DowngradeInfoSetRequest>;
