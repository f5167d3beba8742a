import { AlarmAction, AlarmType, type InternalRaftRequestInit } from "@triarch/etcd-proto";
import type { Logger } from "@triarch/telemetry";
import type { ReplicatedState } from "./applier.ts";
import { EtcdServerError } from "./errors.ts";
import type { Flusher } from "./flusher.ts";
import type { Maintenance } from "./maintenance.ts";
import type { SpaceGuard } from "./space-guard.ts";

/**
 * Carries out what `SpaceGuard` decides for this member: warns early, raises NOSPACE and refuses what takes space,
 * rewrites the files when what was deleted since could make room, and takes its own alarm back.
 *
 * The alarms of other members, and their clearing, are theirs. An alarm that people disarm comes back as long as there
 * is no room.
 */
export class SpaceKeeper {
  readonly #memberId: bigint;
  readonly #state: ReplicatedState;
  readonly #guard: SpaceGuard;
  readonly #maintenance: Maintenance;
  readonly #flusher: Flusher;
  readonly #logger: Logger;
  #measuring = false;
  /** Durable index at the last rewriting of the files: without anything new since, another would bring nothing. */
  #rewrittenAt = -1;

  constructor(options: {
    readonly memberId: bigint;
    readonly state: ReplicatedState;
    readonly guard: SpaceGuard;
    readonly maintenance: Maintenance;
    readonly flusher: Flusher;
    readonly logger: Logger;
  }) {
    this.#memberId = options.memberId;
    this.#state = options.state;
    this.#guard = options.guard;
    this.#maintenance = options.maintenance;
    this.#flusher = options.flusher;
    this.#logger = options.logger;
  }

  /** Before a write is proposed. @throws EtcdServerError "noSpace" */
  admit(costBytes: number): void {
    if (costBytes > 0 && !this.#guard.admits(costBytes, this.#flusher.unflushedBytes)) {
      throw new EtcdServerError({ code: "noSpace" });
    }
  }

  /** To be called now and then. @param propose hands a request to the log, unless the same is under way */
  look(propose: (what: string, request: InternalRaftRequestInit) => void): void {
    if (this.#measuring) return;
    this.#measuring = true;
    this.#measure(propose)
      .catch((error: unknown) => this.#logger.warn({ error: String(error) }, "measuring the database failed"))
      .finally(() => (this.#measuring = false));
  }

  async #measure(propose: (what: string, request: InternalRaftRequestInit) => void): Promise<void> {
    const reading = await this.#maintenance.measureSpace();
    const raised = this.#state.alarms.list(AlarmType.noSpace).some(({ memberId }) => memberId === this.#memberId);
    const verdict = this.#guard.measured(reading, raised);
    const alarm = { memberId: this.#memberId, alarm: AlarmType.noSpace };
    const fields = { ...reading, quotaBytes: this.#guard.quotaBytes };
    switch (verdict.kind) {
      case "warn":
        this.#logger.warn(fields, "the database nears its quota: compact history, delete keys or raise the quota");
        break;
      case "raise":
        this.#logger.error(
          { ...fields, short: verdict.short },
          "no space: writes that take some are refused; deletes, compaction and reads go on",
        );
        propose("alarm", { alarm: { ...alarm, action: AlarmAction.activate } });
        break;
      case "clear":
        this.#logger.info(fields, "there is space again: the alarm is taken back");
        propose("alarm", { alarm: { ...alarm, action: AlarmAction.deactivate } });
        break;
      case "fine":
        break;
    }
    if (raised) this.#rewriteFiles();
  }

  #rewriteFiles(): void {
    const { durableIndex } = this.#flusher;
    if (durableIndex === this.#rewrittenAt || !this.#maintenance.compactFiles()) return;
    this.#rewrittenAt = durableIndex;
  }
}
