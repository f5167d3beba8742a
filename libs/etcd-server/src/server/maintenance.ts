import { statfs } from "node:fs/promises";
import { crc32c, utf8 } from "@triarch/base";
import { AlarmType, type ResponseHeader, type StatusResponse } from "@triarch/etcd-proto";
import { buckets } from "@triarch/store-level";
import type { Logger } from "@triarch/telemetry";
import type { StoreStatus } from "../store-client.ts";
import { memberIdText } from "../members/member-ids.ts";
import type { ReplicatedState } from "./applier.ts";
import type { CompactionRunner } from "./compaction-runner.ts";
import type { Consensus } from "./consensus.ts";
import type { MemberDatabase } from "./database.ts";
import { EtcdServerError } from "./errors.ts";
import type { Flusher } from "./flusher.ts";
import { etcdVersion, storageVersion } from "./limits.ts";
import { ofRaft } from "./reads.ts";
import { snapshotFile } from "../snapshot/snapshot-file.ts";
import type { SpaceReading } from "./space-guard.ts";
import type { SnapshotFile } from "./etcd-server.ts";

/** Looking after one member: its status, hashes of its data, its files, and who leads. */
export class Maintenance {
  readonly #name: string;
  readonly #state: ReplicatedState;
  readonly #consensus: Consensus;
  readonly #database: MemberDatabase;
  readonly #flusher: Flusher;
  readonly #compactions: CompactionRunner;
  readonly #quotaBytes: number;
  readonly #logger: Logger;
  #databaseBytes = 0;
  #rewriting: Promise<void> | undefined;

  constructor(options: {
    readonly name: string;
    readonly state: ReplicatedState;
    readonly consensus: Consensus;
    readonly database: MemberDatabase;
    readonly flusher: Flusher;
    readonly compactions: CompactionRunner;
    readonly quotaBytes: number;
    readonly logger: Logger;
  }) {
    this.#name = options.name;
    this.#state = options.state;
    this.#consensus = options.consensus;
    this.#database = options.database;
    this.#flusher = options.flusher;
    this.#compactions = options.compactions;
    this.#quotaBytes = options.quotaBytes;
    this.#logger = options.logger;
  }

  async status(header: ResponseHeader): Promise<StatusResponse> {
    const raft = this.#consensus.status();
    const dbSize = await this.measure();
    const alarms = this.#state.alarms.list();
    const errors = alarms.map(({ memberId, alarm }) => `memberID:${memberId} alarm:${alarmNames[alarm] ?? alarm}`);
    if (raft.leader === 0n) errors.push("etcdserver: no leader");
    return {
      header,
      version: etcdVersion,
      dbSize,
      leader: raft.leader,
      raftIndex: raft.commitIndex,
      raftTerm: raft.term,
      raftAppliedIndex: raft.appliedIndex,
      errors,
      dbSizeInUse: dbSize,
      isLearner: raft.isLearner,
      storageVersion,
      dbSizeQuota: this.#quotaBytes,
      downgradeInfo: { enabled: false, targetVersion: "" },
    };
  }

  storeStatus(header: ResponseHeader): StoreStatus {
    const raft = this.#consensus.status();
    const role = raft.role === "preCandidate" ? "candidate" : raft.role;
    return {
      clusterId: header.clusterId,
      memberId: header.memberId,
      name: this.#name,
      leaderId: raft.leader,
      role: raft.isLearner ? "learner" : role,
      term: raft.term,
      revision: header.revision,
      commitIndex: raft.commitIndex,
      appliedIndex: raft.appliedIndex,
      dbSizeBytes: this.#databaseBytes,
      members: this.#state.membership.list(),
    };
  }

  /** Bytes of the database's files, also remembered for `storeStatus`. */
  async measure(): Promise<number> {
    this.#databaseBytes = await this.#database.level.sizeBytes();
    return this.#databaseBytes;
  }

  async measureSpace(): Promise<SpaceReading> {
    const [databaseBytes, disk] = await Promise.all([this.measure(), statfs(this.#database.level.directory)]);
    return { databaseBytes, freeBytes: disk.bavail * disk.bsize, diskBytes: disk.blocks * disk.bsize };
  }

  /** CRC32-C over every row of every bucket, at one moment. Not alike on all members: the applied position is in it. */
  async hash(): Promise<number> {
    await this.#flusher.flush();
    const snapshot = this.#database.level.snapshot();
    const pause = this.#database.background.begin();
    let hash = 0;
    try {
      for (const bucket of [...buckets].sort()) {
        hash = crc32c(utf8(bucket), hash);
        for await (const rows of snapshot.rows(bucket)) {
          for (const { key, value } of rows) hash = crc32c(value, crc32c(key, hash));
          await pause();
        }
      }
    } finally {
      await snapshot.close();
    }
    return hash;
  }

  /** @param revision applied by now; the file holds at least that */
  async snapshot(revision: number): Promise<SnapshotFile> {
    await this.#flusher.flush();
    const { confState } = this.#consensus.status();
    return snapshotFile(this.#database.level.snapshot(), {
      ...{ revision, confState },
      pause: this.#database.background.begin(),
    });
  }

  /** In the background; nothing waits for it. @returns false when one is under way */
  compactFiles(): boolean {
    if (this.#rewriting !== undefined) return false;
    this.#rewriting = this.#database.level
      .compactFiles()
      .catch((error: unknown) => {
        this.#logger.warn({ error: String(error) }, "compacting the database's files failed");
      })
      .finally(() => (this.#rewriting = undefined));
    return true;
  }

  /** Resolves when the rows of the last compaction are gone from the disk. */
  async compactedPhysically(): Promise<void> {
    await this.#compactions.idle();
    await this.#flusher.flush();
  }

  /** @throws EtcdServerError "notLeader" | "badTransferee" | "timeout" */
  async moveLeader(targetId: bigint): Promise<void> {
    if (!this.#consensus.isLeader) throw new EtcdServerError({ code: "notLeader" });
    if (this.#state.membership.get(targetId)?.isLearner !== false) throw new EtcdServerError({ code: "badTransferee" });
    if (targetId === this.#consensus.leader) return;
    try {
      await this.#consensus.transferLeadership(targetId);
    } catch (error) {
      throw ofRaft(error);
    }
  }

  /** To the voter that is furthest, then to the next, until one leads or none is left. */
  async handOverLeadership(): Promise<void> {
    const { id, progress, confState } = this.#consensus.status();
    const voters = progress.filter((peer) => peer.id !== id && confState.voters.includes(peer.id) && peer.recentActive);
    for (const { id: target } of [...voters].sort((left, right) => right.match - left.match)) {
      if (!this.#consensus.isLeader) return;
      try {
        await this.#consensus.transferLeadership(target);
        return;
      } catch (error) {
        this.#logger.warn({ target: memberIdText(target), error: String(error) }, "handing over leadership failed");
      }
    }
  }
}

const alarmNames: Readonly<Record<number, string>> = {
  [AlarmType.noSpace]: "NOSPACE",
  [AlarmType.corrupt]: "CORRUPT",
};
