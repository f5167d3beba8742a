// One of several equal processes leads: it holds a coordination.k8s.io Lease and renews it; the others watch it lapse.
// Clocks of different machines are never compared: a lease has lapsed when this process has not seen it change for its
// duration, by this process's own monotonic clock.
import { setTimeout as delay } from "node:timers/promises";
import type { Lease } from "@triarch/api";
import type { Clock, Rng } from "@triarch/base";
import { ApiError, resourceRefs, type KubeClient } from "@triarch/client";
import type { Logger } from "@triarch/telemetry";

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  /** Name of the Lease, in `namespace` (default kube-system). */
  readonly name: string;
  readonly namespace?: string;
  /** Unique per process, for example `host_uuid`. */
  readonly identity: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger?: Logger;
  /** Others may take over this long after they saw the last renewal. Default 4 s. */
  readonly leaseDurationMs?: number;
  /** The leader steps down when it could not renew for this long; shorter than the lease. Default 3 s. */
  readonly renewDeadlineMs?: number;
  /** Time between tries, jittered by a fifth. Default 500 ms. */
  readonly retryPeriodMs?: number;
  /** Runs while leading; `signal` aborts when leadership is lost or the process stops. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly onNewLeader?: (identity: string) => void;
}

/**
 * Campaigns until `stop` aborts or leadership, once won, is lost; then the lease is released, so that a successor need
 * not wait for it to lapse.
 * @returns "stopped", or "lost" when another leads or the API was out of reach for the renew deadline: the caller
 *   should end its process, since what it held in memory may be stale
 */
export async function runLeaderElection(
  options: LeaderElectionOptions,
  stop: AbortSignal,
): Promise<"stopped" | "lost"> {
  const retryMs = options.retryPeriodMs ?? 500;
  const renewDeadlineMs = options.renewDeadlineMs ?? 3_000;
  const record = new LeaseRecord(options);
  const pause = (): Promise<void> =>
    delay(retryMs * (0.9 + options.rng.next() / 5), undefined, { signal: stop }).catch(() => undefined);

  while (!(await record.tryAcquireOrRenew())) {
    if (stop.aborted) return "stopped";
    await pause();
    if (stop.aborted) return "stopped";
  }
  options.logger?.info({ lease: options.name, identity: options.identity }, "became leader");
  const leading = new AbortController();
  const work = options.lead(leading.signal);
  let failure: Error | undefined;
  work.catch((error: unknown) => {
    if (leading.signal.aborted) return; // it was told to stop
    failure = error instanceof Error ? error : new Error("the leader's work failed", { cause: error });
    leading.abort();
  });
  let renewedAtMs = options.clock.monotonicMs();
  let lost = false;
  while (!stop.aborted && !lost && !leading.signal.aborted) {
    await pause();
    if (stop.aborted) break;
    if (await record.tryAcquireOrRenew()) renewedAtMs = options.clock.monotonicMs();
    else lost = record.heldByOther || options.clock.monotonicMs() - renewedAtMs > renewDeadlineMs;
  }
  leading.abort();
  await work.catch(() => undefined);
  if (!lost) await record.release();
  if (failure !== undefined) throw failure;
  if (lost) options.logger?.warn({ lease: options.name }, "lost leadership");
  return lost ? "lost" : "stopped";
}

/** The Lease as last seen, and when it was last seen to change. */
class LeaseRecord {
  readonly #options: LeaderElectionOptions;
  #lease: Lease | undefined;
  #changedAtMs = 0;
  #reported: string | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  get heldByOther(): boolean {
    const holder = this.#lease?.spec?.holderIdentity ?? "";
    return holder !== "" && holder !== this.#options.identity;
  }

  /** One try; false when somebody else holds the lease or the API did not take the write. */
  async tryAcquireOrRenew(): Promise<boolean> {
    try {
      return await this.#attempt();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) {
        this.#options.logger?.debug({ lease: this.#options.name, error: String(error) }, "lease not written");
      }
      return false;
    }
  }

  async release(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined || this.heldByOther) return;
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: this.#now() };
    try {
      await this.#options.client.update(resourceRefs.leases, { ...lease, spec });
    } catch (error) {
      this.#options.logger?.debug({ error: String(error) }, "lease not released; it will lapse");
    }
  }

  async #attempt(): Promise<boolean> {
    const { client, identity, clock } = this.#options;
    const key = { namespace: this.#options.namespace ?? "kube-system", name: this.#options.name };
    const durationMs = this.#options.leaseDurationMs ?? 4_000;
    const leaseDurationSeconds = Math.max(1, Math.ceil(durationMs / 1_000));
    const now = this.#now();
    let current: Lease;
    try {
      current = await client.get<Lease>(resourceRefs.leases, key);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      const spec = {
        holderIdentity: identity,
        leaseDurationSeconds,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: 0,
      };
      this.#observe(await client.create<Lease>(resourceRefs.leases, { metadata: key, spec }));
      return true;
    }
    if (current.metadata?.resourceVersion !== this.#lease?.metadata?.resourceVersion) this.#observe(current);
    const held = this.heldByOther;
    const theirDurationMs = (current.spec?.leaseDurationSeconds ?? leaseDurationSeconds) * 1_000;
    if (held && clock.monotonicMs() - this.#changedAtMs < theirDurationMs) return false;
    const own = current.spec?.holderIdentity === identity;
    const spec = {
      ...current.spec,
      holderIdentity: identity,
      leaseDurationSeconds,
      renewTime: now,
      acquireTime: own ? (current.spec?.acquireTime ?? now) : now,
      leaseTransitions: (current.spec?.leaseTransitions ?? 0) + (own ? 0 : 1),
    };
    this.#observe(await client.update<Lease>(resourceRefs.leases, { ...current, spec }));
    return true;
  }

  #observe(lease: Lease): void {
    this.#lease = lease;
    this.#changedAtMs = this.#options.clock.monotonicMs();
    const holder = lease.spec?.holderIdentity ?? "";
    if (holder !== "" && holder !== this.#reported) {
      this.#reported = holder;
      this.#options.onNewLeader?.(holder);
    }
  }

  /** MicroTime. */
  #now(): string {
    return new Date(this.#options.clock.nowMs()).toISOString().replace("Z", "000Z");
  }
}
