import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { decodeAuthRows, type AuthBucket, type AuthRow } from "@triarch/etcd-auth";
import { AlarmMember } from "@triarch/etcd-proto";
import { decodeLeaseRow, Lessor } from "@triarch/lease";
import { decodeRevisionKey, openMvccStore } from "@triarch/mvcc";
import { openLevelStore, type Bucket, type LevelStore } from "@triarch/store-level";
import { systemClock, systemTimers, type Clock } from "@triarch/base";
import { ReplicatedAuth } from "../auth/replicated-auth.ts";
import { memberIdText } from "../members/member-ids.ts";
import { Membership, memberIdOfKey, memberOfRow, memberRow } from "../members/membership.ts";
import { MemberRemovedError } from "../members/member-removed.ts";
import { Alarms } from "./alarms.ts";
import type { ReplicatedState } from "./applier.ts";
import type { MemberDataDir } from "./data-dir.ts";
import type { AppliedPosition } from "./flusher.ts";
import { BackgroundWork } from "./background-work.ts";
import { metaKeys } from "./meta-keys.ts";
import { pause } from "./pause.ts";

/**
 * A member's database and the state in memory that is rebuilt from it.
 *
 * Replacing the database by a received state is two renames that a crash may fall between: the complete new one is
 * first named `ready`, then takes the old one's place; whatever `open` finds, it finishes that or throws it away.
 */
export class MemberDatabase {
  /** All long reading of the rows beside the member's daily work. */
  readonly background = new BackgroundWork({ clock: systemClock, timers: systemTimers });
  readonly #dir: MemberDataDir;
  #level: LevelStore;
  #onDamaged: ((error: Error) => void) | undefined;

  private constructor(dir: MemberDataDir, level: LevelStore) {
    this.#dir = dir;
    this.#level = level;
  }

  /** @throws LevelStoreError */
  static async open(dir: MemberDataDir): Promise<MemberDatabase> {
    await mkdir(dir.root, { recursive: true, mode: 0o700 });
    await rm(dir.incoming, { recursive: true, force: true });
    await finishReplacement(dir);
    return new MemberDatabase(dir, await openLevelStore({ directory: dir.database }));
  }

  get level(): LevelStore {
    return this.#level;
  }

  /** @param onDamaged called when a row is found damaged from now on: the member must not go on with this database */
  watchForDamage(onDamaged: (error: Error) => void): void {
    this.#onDamaged = onDamaged;
    this.#level.onDamaged = onDamaged;
  }

  /** Opens the empty database that a received state is written into. */
  async openIncoming(): Promise<LevelStore> {
    await rm(this.#dir.incoming, { recursive: true, force: true });
    return openLevelStore({ directory: this.#dir.incoming });
  }

  /** The incoming database, complete and closed, takes the place of this one. */
  async replaceByIncoming(): Promise<void> {
    await rename(this.#dir.incoming, this.#dir.ready);
    await this.#level.close();
    await finishReplacement(this.#dir);
    this.#level = await openLevelStore({ directory: this.#dir.database });
    this.#level.onDamaged = this.#onDamaged;
  }

  /**
   * Builds the state in memory. Cost: one pass over all rows, in slices.
   *
   * @param initial the members before the log says anything
   * @param joins the cluster's state with this member in it may be still to come
   * @throws MemberRemovedError
   * @throws Error when the database is of a cluster that `memberId` does not belong to
   */
  async load(clock: Clock, initial: Membership, memberId: bigint, joins = false): Promise<ReplicatedState> {
    const lessor = new Lessor({ clock });
    await this.#restoreLeases(lessor);
    const backend = this.#level.keyRows;
    const mvcc = await openMvccStore({
      ...{ backend, leases: lessor, pause, ...this.#compactRevisions() },
      beginBackground: () => this.background.begin(),
    });
    const auth = new ReplicatedAuth({ clock, keysOfLease: (id) => lessor.keysOf(id) });
    const state = { mvcc, lessor, alarms: new Alarms(), membership: new Membership(), auth };
    if ((await this.#all("members")).length === 0) await this.#writeMembers(initial);
    await this.#restoreSmall(state);
    if (state.membership.isRemoved(memberId)) throw new MemberRemovedError(this.#dir.database, memberId);
    if (!joins && state.membership.get(memberId) === undefined) {
      const known = state.membership.list().map(({ id, name }) => `${name} (${memberIdText(id)})`);
      throw new Error(
        `${this.#dir.database}: member ${memberIdText(memberId)} is not in this cluster of ${known.join(", ")}; ` +
          "check the cluster token and peer URLs, or choose another data directory",
      );
    }
    return state;
  }

  /** Rebuilds a state in place after `replaceByIncoming`. Watchers go on from their place. */
  async reload(state: ReplicatedState): Promise<void> {
    await this.#restoreLeases(state.lessor);
    await state.mvcc.reload({ backend: this.#level.keyRows, ...this.#compactRevisions() });
    await this.#restoreSmall(state);
  }

  position(revision: number): AppliedPosition {
    return { ...this.#level.appliedPosition(), revision };
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  async #restoreLeases(lessor: Lessor): Promise<void> {
    lessor.restore((await this.#all("lease")).map(decodeLeaseRow));
  }

  async #restoreSmall({ alarms, membership, auth }: ReplicatedState): Promise<void> {
    alarms.reset((await this.#all("alarm")).map(({ key }) => AlarmMember.decode(key)));
    membership.clear();
    for (const { key, value } of await this.#all("members")) membership.set(memberOfRow(key, value));
    for (const { key } of await this.#all("members_removed")) membership.remove(memberIdOfKey(key));
    auth.store.restore(decodeAuthRows(await this.#authRows()));
  }

  async #authRows(): Promise<readonly AuthRow[]> {
    const names: readonly AuthBucket[] = ["auth", "authUsers", "authRoles"];
    const rows = await Promise.all(names.map(async (bucket) => ({ bucket, rows: await this.#all(bucket) })));
    return rows.flatMap(({ bucket, rows }) => rows.map((row) => ({ bucket, ...row })));
  }

  async #writeMembers(membership: Membership): Promise<void> {
    await this.#level.write(membership.list().map((member) => ({ bucket: "members", ...memberRow(member) })));
  }

  #compactRevisions(): { readonly scheduledCompactRevision?: number; readonly finishedCompactRevision?: number } {
    const scheduledCompactRevision = this.#metaRevision(metaKeys.scheduledCompactRevision);
    const finishedCompactRevision = this.#metaRevision(metaKeys.finishedCompactRevision);
    return {
      ...(scheduledCompactRevision === undefined ? {} : { scheduledCompactRevision }),
      ...(finishedCompactRevision === undefined ? {} : { finishedCompactRevision }),
    };
  }

  #metaRevision(key: Uint8Array): number | undefined {
    const value = this.#level.getSync("meta", key);
    return value === undefined ? undefined : decodeRevisionKey(value)?.main;
  }

  /** For buckets of few rows. */
  async #all(bucket: Bucket): Promise<{ readonly key: Uint8Array; readonly value: Uint8Array }[]> {
    const all = [];
    for await (const rows of this.#level.rows(bucket)) all.push(...rows);
    return all;
  }
}

async function finishReplacement(dir: MemberDataDir): Promise<void> {
  if (!existsSync(dir.ready)) return;
  await rm(dir.database, { recursive: true, force: true });
  await rename(dir.ready, dir.database);
}
