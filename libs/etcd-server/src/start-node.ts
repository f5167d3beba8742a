import { randomInt } from "node:crypto";
import { seededRng } from "@triarch/base";
import { startRaftNode, type RaftNode } from "@triarch/raft-node";
import type { Identity } from "./members/identity.ts";
import type { Local } from "./open-local.ts";
import type { MemberDataDir } from "./server/data-dir.ts";
import { raftMetrics } from "./server/raft-metrics.ts";
import { StoreStateMachine } from "./server/raft-state-machine.ts";
import type { StoreOptions } from "./start-store.ts";

/** Raft over this member's log and state: replays the log, joins the peers. */
export function startNode(
  options: StoreOptions,
  { memberId, clusterId, idOf }: Identity,
  dir: MemberDataDir,
  local: Local,
  fatal: (error: unknown) => void,
): Promise<RaftNode> {
  const { initialMembers, peerUrlOf, logger } = options;
  const initial = new Map(initialMembers.map((member) => [idOf(member), member]));
  const { membership } = local.state;
  const urlOf = (id: bigint): string | undefined => {
    const known = membership.get(id) ?? initial.get(id);
    // A member that has not started yet has no name in the log.
    const name = known?.name === "" ? initial.get(id)?.name : known?.name;
    return peerUrlOf?.(name ?? "") ?? known?.peerUrls[0];
  };
  const startRaft = options.startRaft ?? startRaftNode;
  return startRaft({
    id: memberId,
    clusterId,
    dir: dir.root,
    initialMembers: initialMembers.map((member) => ({ id: idOf(member), peerUrl: member.peerUrls[0] ?? "" })),
    ...(options.join === true ? { join: true } : {}),
    peerUrlOf: urlOf,
    isRemoved: (id) => membership.isRemoved(id),
    // It tells its client URLs through the log, once it has one.
    hasStarted: (id) => (membership.get(id)?.clientUrls.length ?? 0) > 0,
    onRemoved: (refusal) => local.removal.noticed(`a peer says: ${refusal}`),
    listen: options.listenPeer,
    ...(options.peerTls === undefined ? {} : { tls: options.peerTls }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    stateMachine: new StoreStateMachine({
      ...{ ...local, logger, memberId },
      onRemoved: () => local.removal.noticed("its log says so"),
    }),
    clock: local.clock,
    rng: seededRng(randomInt(2 ** 32)),
    logger,
    ...(options.registry === undefined ? {} : { measures: raftMetrics(options.registry) }),
    onFatal: fatal,
    onQuestion: (_from, payload) => local.peerCalls.answer(payload),
    onProposalsRefused: (payloads, reason) => local.pending.refused(payloads, reason),
  });
}
