import t from "tap";
import { seededRng, systemClock } from "@triarch/base";
import type { Lease } from "@triarch/api";
import { ApiError, TransportError, type KubeClient } from "@triarch/client";
import { runLeaderElection } from "@triarch/leader-election";

/** One Lease with optimistic concurrency, as an API server keeps it. */
function leaseStore() {
  let lease: Lease | undefined;
  let version = 0;
  const cut = new Set<string>();
  const clientOf = (identity: string): KubeClient => {
    const check = (): void => {
      if (cut.has(identity)) throw new TransportError("cut off", true);
    };
    const keep = (object: Lease): Lease => {
      version += 1;
      lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
      return lease;
    };
    return {
      get: async () => {
        check();
        if (lease === undefined) throw new ApiError(404, { message: "no lease" });
        return lease;
      },
      create: async (_: unknown, object: Lease) => {
        check();
        if (lease !== undefined) throw new ApiError(409, { message: "exists" });
        return keep(object);
      },
      update: async (_: unknown, object: Lease) => {
        check();
        if (object.metadata?.resourceVersion !== lease?.metadata?.resourceVersion)
          throw new ApiError(409, { message: "stale" });
        return keep(object);
      },
    } as unknown as KubeClient;
  };
  return { clientOf, cut, holder: () => lease?.spec?.holderIdentity, transitions: () => lease?.spec?.leaseTransitions };
}

function candidate(store: ReturnType<typeof leaseStore>, identity: string, leading: Set<string>, seed: number) {
  const stop = new AbortController();
  const started = Promise.withResolvers<void>();
  const ended = runLeaderElection(
    {
      client: store.clientOf(identity),
      name: "test",
      identity,
      clock: systemClock,
      rng: seededRng(seed),
      leaseDurationMs: 1_000,
      renewDeadlineMs: 300,
      retryPeriodMs: 20,
      lead: async (signal) => {
        leading.add(identity);
        started.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        leading.delete(identity);
      },
    },
    stop.signal,
  );
  return { stop, started: started.promise, ended };
}

t.test("one leads; released on stop, taken over; cut off, it steps down before another leads", async (t) => {
  const store = leaseStore();
  const leading = new Set<string>();
  const [a, b, c] = ["a", "b", "c"].map((identity, i) => candidate(store, identity, leading, i)) as [
    ReturnType<typeof candidate>,
    ReturnType<typeof candidate>,
    ReturnType<typeof candidate>,
  ];
  const all = new Map([
    ["a", a],
    ["b", b],
    ["c", c],
  ]);
  await Promise.race([a.started, b.started, c.started]);
  t.equal(leading.size, 1);
  const first = store.holder() ?? "";
  all.get(first)?.stop.abort();
  t.equal(await all.get(first)?.ended, "stopped");
  all.delete(first);
  await Promise.race([...all.values()].map((one) => one.started));
  const second = store.holder() ?? "";
  t.not(second, first);
  store.cut.add(second);
  t.equal(await all.get(second)?.ended, "lost");
  t.equal(leading.size, 0, "the old leader has stopped before the lease lapses");
  all.delete(second);
  const [third] = [...all.values()];
  await third?.started;
  t.equal(store.transitions(), 2);
  third?.stop.abort();
  t.equal(await third?.ended, "stopped");
  t.equal(store.holder(), "");
});
