// Whether a pod may be evicted now. The disruption controller says in each budget's status how many pods may go; an
// eviction takes one of them before it deletes the pod, so that two evictions at once can't both have the last one.
import {
  childOf,
  deepCopy,
  disruptionBudgetExceeded,
  findResource,
  forbiddenRequest,
  isObject,
  type JsonObject,
  labelSelectorMatcher,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  StatusError,
  textAt,
  timeText,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { about } from "../http/failures.ts";
import type { SelectorValues } from "../storage/index.ts";
import type { Registry } from "./registry.ts";

/** Evictions that the controller has not seen the end of; past it none is allowed. */
const disruptedPodsMax = 2_000;
/** A client tries again after this time when the controller is about to look at a changed budget. */
const processingRetrySeconds = 10;

const budgets = assertDefined(
  findResource("policy", "v1", "poddisruptionbudgets"),
  "disruption budgets are not served",
);

/** A pod that does not run, or is going already, is no disruption. */
export function countsAsDisruption(pod: JsonObject): boolean {
  const phase = textAt(objectAt(pod, "status"), "phase");
  const isGoing = textAt(objectAt(pod, "metadata"), "deletionTimestamp") !== "";
  return !isGoing && !["Pending", "Succeeded", "Failed"].includes(phase);
}

/**
 * Takes one disruption from the budget that the pod is under, if any.
 * @throws StatusError 403 | 429 | 500
 */
export async function takeDisruption(registry: Registry, pod: JsonObject, dryRun: boolean): Promise<void> {
  const meta = objectAt(pod, "metadata") ?? {};
  const namespace = textAt(meta, "namespace");
  const labels = (objectAt(meta, "labels") ?? {}) as SelectorValues;
  const { items } = await about({ resource: budgets, name: "" }, () => registry.store.list(budgets, { namespace }));
  const [budget, ...others] = items.filter((item) => selects(item.object(), labels));
  if (budget === undefined) return;
  if (others.length > 0) throw new StatusError(severalBudgets());
  if (mayGoUnhealthy(budget.object(), pod)) return;
  await about({ resource: budgets, name: budget.name }, () =>
    registry.store.update(
      budgets,
      { namespace, name: budget.name },
      (current) => {
        const next = deepCopy(assertDefined(current, "an update shows what is there").object());
        takeOne(next, textAt(meta, "name"), timeText(registry.clock.nowMs()));
        return { kind: "put", object: next };
      },
      { dryRun },
    ),
  );
}

function selects(budget: JsonObject, labels: SelectorValues): boolean {
  const selector = objectAt(objectAt(budget, "spec") ?? {}, "selector");
  return selector !== undefined && labelSelectorMatcher(selector).matches(labels);
}

/** A pod that serves nobody may go, where the budget says so or where enough others serve. */
function mayGoUnhealthy(budget: JsonObject, pod: JsonObject): boolean {
  if (isReady(pod)) return false;
  const policy = textAt(objectAt(budget, "spec"), "unhealthyPodEvictionPolicy");
  if (policy === "AlwaysAllow") return true;
  const status = objectAt(budget, "status");
  const [healthy, wanted] = [numberAt(status, "currentHealthy") ?? 0, numberAt(status, "desiredHealthy") ?? 0];
  return wanted > 0 && healthy >= wanted;
}

function isReady(pod: JsonObject): boolean {
  return listAt(objectAt(pod, "status") ?? {}, "conditions").some(
    (condition) => isObject(condition) && condition["type"] === "Ready" && condition["status"] === "True",
  );
}

function takeOne(budget: MutableObject, podName: string, now: string): void {
  const name = textAt(objectAt(budget, "metadata"), "name");
  const generation = numberAt(objectAt(budget, "metadata"), "generation") ?? 0;
  const status = childOf(budget, "status");
  if ((numberAt(status, "observedGeneration") ?? 0) < generation) {
    throw new StatusError(exceeded(`The disruption budget ${name} is still being processed by the server.`, true));
  }
  const allowed = numberAt(status, "disruptionsAllowed") ?? 0;
  const disrupted = childOf(status, "disruptedPods");
  if (allowed < 0) throw refused(name, "pdb disruptions allowed is negative");
  if (Object.keys(disrupted).length > disruptedPodsMax) {
    throw refused(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (allowed === 0) {
    const [wanted, healthy] = [numberAt(status, "desiredHealthy") ?? 0, numberAt(status, "currentHealthy") ?? 0];
    const text = `The disruption budget ${name} needs ${wanted} healthy pods and has ${healthy} currently`;
    throw new StatusError(exceeded(text, false));
  }
  status["disruptionsAllowed"] = allowed - 1;
  disrupted[podName] = now;
}

function exceeded(message: string, again: boolean) {
  const status = disruptionBudgetExceeded([{ reason: "DisruptionBudget", message }]);
  if (!again) return status;
  return { ...status, details: { ...status.details, retryAfterSeconds: processingRetrySeconds } };
}

function refused(name: string, why: string): StatusError {
  return new StatusError(forbiddenRequest(budgets, name, why));
}

function severalBudgets() {
  const message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 500 } as const;
}
