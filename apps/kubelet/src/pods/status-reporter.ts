// Sends pod status to the API. Apart from the workers, so that pods are cared for while the API is away: only the newest
// status per pod waits, at most one request per pod is under way, and what did not change is not sent.
import { deepEqual, type JsonObject, type Pod, type PodStatus } from "@triarch/api";
import { ApiError, resourceRefs, type KubeClient } from "@triarch/client";
import { createWorkQueue, type WorkQueue } from "@triarch/informer";
import type { Logger } from "@triarch/telemetry";

interface Report {
  readonly pod: Pod;
  readonly status: PodStatus;
  /** Nothing runs any more: the API object can go. */
  readonly thenDelete: boolean;
}

/** Requests under way at once. */
const parallelMax = 8;

export class StatusReporter {
  readonly #client: KubeClient;
  readonly #logger: Logger;
  readonly #queue: WorkQueue = createWorkQueue();
  /** By uid; bounded by the pods of the node. */
  readonly #newest = new Map<string, Report>();
  /** The answers to our own patches: newer than the informer for a moment. */
  readonly #answers = new Map<string, Pod>();

  constructor(options: { readonly client: KubeClient; readonly logger: Logger }) {
    this.#client = options.client;
    this.#logger = options.logger;
  }

  /** The newest version of this pod that is known: the given one, or the answer to our last patch. */
  newest(pod: Pod): Pod {
    const answer = this.#answers.get(pod.metadata?.uid ?? "");
    return answer !== undefined && version(answer) > version(pod)
      ? { ...pod, ...(answer.status && { status: answer.status }) }
      : pod;
  }

  report(pod: Pod, status: PodStatus, thenDelete = false): void {
    const uid = pod.metadata?.uid ?? "";
    if (!thenDelete && sameStatus(this.newest(pod).status, status)) {
      this.#newest.delete(uid);
      return;
    }
    this.#newest.set(uid, { pod, status, thenDelete });
    this.#queue.add(uid);
  }

  forget(uid: string): void {
    this.#newest.delete(uid);
    this.#answers.delete(uid);
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#queue.shutDown(), { once: true });
    const one = async (): Promise<void> => {
      for (let uid = await this.#queue.next(); uid !== undefined; uid = await this.#queue.next()) {
        await this.#send(uid);
        this.#queue.done(uid);
      }
    };
    await Promise.all(Array.from({ length: parallelMax }, one));
  }

  async #send(uid: string): Promise<void> {
    const report = this.#newest.get(uid);
    if (report === undefined) return;
    const { pod, status, thenDelete } = report;
    const key = { namespace: pod.metadata?.namespace ?? "", name: pod.metadata?.name ?? "" };
    try {
      if (!sameStatus(this.newest(pod).status, status)) {
        const patch = { metadata: { uid }, status: statusPatch(status) };
        const answer = await this.#client.patch<Pod>(resourceRefs.pods, key, patch, {
          type: "strategic",
          subresource: "status",
        });
        if (answer.metadata?.uid === uid && this.#newest.has(uid)) this.#answers.set(uid, answer);
      }
      if (thenDelete) {
        await this.#client.delete(resourceRefs.pods, key, { gracePeriodSeconds: 0, preconditions: { uid } });
      }
      this.#queue.forget(uid);
      if (this.#newest.get(uid) === report) this.#newest.delete(uid);
    } catch (error) {
      // Not found or another uid: this pod is gone, the informer will say so.
      if (error instanceof ApiError && (error.code === 404 || error.code === 409)) {
        this.#newest.delete(uid);
        this.#logger.debug({ pod: key, error: error.message }, "pod status was not taken");
        return;
      }
      this.#logger.warn({ pod: key, error: String(error) }, "pod status was not sent, will try again");
      this.#queue.addRateLimited(uid);
    }
  }
}

/** Lists that the API merges by key are replaced where we own all of it. */
function statusPatch(status: PodStatus): object {
  const { podIPs, hostIPs, ...rest } = status;
  return {
    ...rest,
    ...(podIPs === undefined ? {} : { podIPs: [...podIPs, { $patch: "replace" }] }),
    ...(hostIPs === undefined ? {} : { hostIPs }),
  };
}

/** Every field that we would set has this value already; conditions of others don't count. */
function sameStatus(present: PodStatus | undefined, wanted: PodStatus): boolean {
  const now = (present ?? {}) as unknown as JsonObject;
  for (const [key, value] of Object.entries(wanted as unknown as JsonObject)) {
    if (key === "conditions") continue;
    if (!deepEqual(now[key], value)) return false;
  }
  return (wanted.conditions ?? []).every((condition) => {
    const known = present?.conditions?.find((one) => one.type === condition.type);
    return (
      known?.status === condition.status && known.reason === condition.reason && known.message === condition.message
    );
  });
}

function version(pod: Pod): bigint {
  return BigInt(pod.metadata?.resourceVersion ?? 0);
}
