import { systemClock } from "@triarch/base";
import { clientAuth } from "./auth/client-auth.ts";
import { clusterCaller } from "./auth/caller.ts";
import { Membership } from "./members/membership.ts";
import { Removal } from "./members/removal.ts";
import { AppliedWaiter } from "./server/applied-waiter.ts";
import { CompactionRunner } from "./server/compaction-runner.ts";
import type { MemberDatabase } from "./server/database.ts";
import { Flusher } from "./server/flusher.ts";
import { LeaderWaiter } from "./server/leader-waiter.ts";
import { requestTimeoutMs } from "./server/limits.ts";
import { PeerCalls } from "./server/peer-calls.ts";
import { PendingProposals } from "./server/pending-proposals.ts";
import { Gate } from "./server/reads.ts";
import { StateMachine } from "./server/state-machine.ts";
import { Watches } from "./server/watches.ts";
import type { Identity } from "./members/identity.ts";
import type { StoreOptions } from "./start-store.ts";

/** What a member has before it talks to anyone. */
export type Local = Awaited<ReturnType<typeof openLocal>>;

/** Rebuilds the state from the database, and makes what keeps it up. */
export async function openLocal(
  options: StoreOptions,
  { memberId }: Identity,
  database: MemberDatabase,
  fatal: (error: unknown) => void,
) {
  const clock = options.clock ?? systemClock;
  const timeoutMs = options.requestTimeoutMs ?? requestTimeoutMs;
  const joins = options.join === true;
  const initial = joins ? new Membership() : Membership.initial(options.initialMembers, options.clusterToken);
  const state = await database.load(clock, initial, memberId, joins);
  const position = database.position(state.mvcc.revision);
  const flusher = new Flusher({
    target: { write: (rows, to) => database.level.write(rows, to) },
    durable: position,
    onFlushed: ({ revision }) => state.mvcc.persisted(revision),
    onFailed: fatal,
  });
  const pending = new PendingProposals({ clock, timeoutMs });
  const applied = new AppliedWaiter({ clock, timeoutMs });
  const watches = new Watches(state.mvcc, fatal);
  const compactions = new CompactionRunner(state.mvcc, (rows) => machine.addRows(rows), fatal);
  const onCompacted = (): void => compactions.start();
  const untrusted = Promise.withResolvers<number>();
  const onCorruptAlarm = (id: bigint, index: number): void => {
    if (id === memberId) untrusted.resolve(index);
  };
  const machine: StateMachine = new StateMachine({
    ...{ state, position, flusher, pending, applied, onCompacted, onCorruptAlarm, onFailed: fatal },
    onWatchersBehind: () => watches.work(),
  });
  const removal = new Removal({ memberId, end: fatal });
  const leader = new LeaderWaiter(clock);
  const gate = new Gate();
  const peerCalls = new PeerCalls();
  const tokens = options.authTokens ?? { kind: "simple" };
  return {
    cluster: clusterCaller(state.auth),
    clientAuth: clientAuth({ auth: state.auth, applied, clock, tokens }),
    clock,
    timeoutMs,
    database,
    state,
    flusher,
    pending,
    applied,
    watches,
    compactions,
    machine,
    leader,
    gate,
    peerCalls,
    removal,
    /** Resolves with the log's index when the cluster says that this member's data are not to be trusted. */
    untrusted: untrusted.promise,
  };
}
