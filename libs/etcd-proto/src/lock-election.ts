/** Messages of `v3lockpb` and `v3electionpb`. Source: etcd server/etcdserver/api/v3lock, v3election. */
import * as f from "./fields.ts";
import { ResponseHeader } from "./kv.ts";
import { defineMessage, type Value } from "./message.ts";
import { KeyValue } from "./mvccpb.ts";

const headerOnly = { header: f.message(1, () => ResponseHeader) };

export const LockRequest = defineMessage("v3lockpb.LockRequest", { name: f.bytes(1), lease: f.leaseId(2) });
export type LockRequest = Value<typeof LockRequest>;
/** The lock is held while `key` exists. */
export const LockResponse = defineMessage("v3lockpb.LockResponse", { ...headerOnly, key: f.bytes(2) });
export type LockResponse = Value<typeof LockResponse>;
export const UnlockRequest = defineMessage("v3lockpb.UnlockRequest", { key: f.bytes(1) });
export type UnlockRequest = Value<typeof UnlockRequest>;
export const UnlockResponse = defineMessage("v3lockpb.UnlockResponse", headerOnly);
export type UnlockResponse = Value<typeof UnlockResponse>;

/** `revision` is the creation revision of `key`: with it a transaction can check that leadership is still held. */
export const LeaderKey = defineMessage(
  "v3electionpb.LeaderKey",
  {
    name: f.bytes(1),
    key: f.bytes(2),
    revision: f.int64(3),
    lease: f.leaseId(4),
  },
  { jsonNames: { revision: "rev" } },
);
export type LeaderKey = Value<typeof LeaderKey>;

export const CampaignRequest = defineMessage("v3electionpb.CampaignRequest", {
  name: f.bytes(1),
  lease: f.leaseId(2),
  value: f.bytes(3),
});
export type CampaignRequest = Value<typeof CampaignRequest>;
export const CampaignResponse = defineMessage("v3electionpb.CampaignResponse", {
  ...headerOnly,
  leader: f.message(2, () => LeaderKey),
});
export type CampaignResponse = Value<typeof CampaignResponse>;

export const ProclaimRequest = defineMessage("v3electionpb.ProclaimRequest", {
  leader: f.message(1, () => LeaderKey),
  value: f.bytes(2),
});
export type ProclaimRequest = Value<typeof ProclaimRequest>;
export const ProclaimResponse = defineMessage("v3electionpb.ProclaimResponse", headerOnly);
export type ProclaimResponse = Value<typeof ProclaimResponse>;

/** Also what is observed. */
export const LeaderRequest = defineMessage("v3electionpb.LeaderRequest", { name: f.bytes(1) });
export type LeaderRequest = Value<typeof LeaderRequest>;
export const LeaderResponse = defineMessage("v3electionpb.LeaderResponse", {
  ...headerOnly,
  kv: f.message(2, () => KeyValue),
});
export type LeaderResponse = Value<typeof LeaderResponse>;

export const ResignRequest = defineMessage("v3electionpb.ResignRequest", { leader: f.message(1, () => LeaderKey) });
export type ResignRequest = Value<typeof ResignRequest>;
export const ResignResponse = defineMessage("v3electionpb.ResignResponse", headerOnly);
export type ResignResponse = Value<typeof ResignResponse>;
