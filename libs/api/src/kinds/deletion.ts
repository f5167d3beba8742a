// What a delete does to one object. A delete may remove at once, only mark the object (`deletionTimestamp`), shorten
// the time that an earlier delete gave, or change nothing because the object is already on its way.
import type { JsonObject } from "../json.ts";
import { childOf, deepCopy, listAt, type MutableObject, numberAt, objectAt, textAt } from "../meta/mutable.ts";
import { generationOf } from "../meta/object-meta.ts";
import { parseTime, timeText } from "../meta/time.ts";
import type { KindStrategy } from "./strategy.ts";

export type PropagationPolicy = "Orphan" | "Background" | "Foreground";

export interface DeletionOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: PropagationPolicy | undefined;
  readonly nowMs: number;
}

export type DeletionPlan =
  /** Remove the key. `object` is the last state, to answer with and to tell watchers: pods show it, marked. */
  | { readonly kind: "remove"; readonly object: MutableObject; readonly graceful: boolean }
  /** Store `object`: finalizers or a grace period keep it. */
  | { readonly kind: "mark"; readonly object: MutableObject }
  /** Already marked, nothing to change. */
  | { readonly kind: "pending" };

/** Decides what to do with `object`, which is left as it is. Preconditions have been checked by the caller. */
export function planDeletion(strategy: KindStrategy, object: JsonObject, options: DeletionOptions): DeletionPlan {
  const metadata = objectAt(object, "metadata") ?? {};
  const present = finalizersOf(metadata);
  const deletedAt = textAt(metadata, "deletionTimestamp");
  const wished = finalizersAfter(present, options.propagationPolicy ?? strategy.defaultPropagationPolicy);
  const finalizers = deletedAt === "" ? withOwn(wished, strategy.deletionFinalizer) : wished;
  const held = finalizers.length > 0 || strategy.holdsDeletion?.(object) === true;
  const graceful = strategy.gracePeriodSeconds !== undefined;
  const graceSeconds = Math.max(0, strategy.gracePeriodSeconds?.(object, options) ?? 0);

  const next = deepCopy(object);
  const nextMeta = childOf(next, "metadata");
  if (finalizers.length > 0) nextMeta["finalizers"] = [...finalizers];
  else delete nextMeta["finalizers"];

  if (deletedAt !== "") {
    const current = numberAt(metadata, "deletionGracePeriodSeconds") ?? 0;
    const asked = graceful ? Math.min(graceSeconds, current) : current;
    if (asked < current) {
      const deletedMs = parseTime(deletedAt) ?? options.nowMs;
      nextMeta["deletionTimestamp"] = timeText(deletedMs - (current - asked) * 1000);
      nextMeta["deletionGracePeriodSeconds"] = asked;
    }
    if (!held && asked === 0) return { kind: "remove", object: next, graceful };
    const changed = asked < current || finalizers.join() !== present.join();
    return changed ? { kind: "mark", object: next } : { kind: "pending" };
  }

  if (!graceful && !held) return { kind: "remove", object: next, graceful };
  nextMeta["deletionTimestamp"] = timeText(options.nowMs + graceSeconds * 1000);
  // Kinds that clean up for themselves (namespaces, definitions of custom resources) only mark.
  if (strategy.holdsDeletion === undefined && strategy.deletionFinalizer === undefined) {
    nextMeta["deletionGracePeriodSeconds"] = graceSeconds;
    // Whoever waits for observedGeneration sees that something was asked of the object.
    if (generationOf(object) > 0) nextMeta["generation"] = generationOf(object) + 1;
  }
  strategy.onMarkedForDeletion?.(next);
  return !held && graceSeconds === 0 ? { kind: "remove", object: next, graceful } : { kind: "mark", object: next };
}

/** True once an update has taken away what kept a marked object: the key is then to be removed. */
export function goesAfterUpdate(strategy: KindStrategy, object: JsonObject): boolean {
  const metadata = objectAt(object, "metadata") ?? {};
  return (
    textAt(metadata, "deletionTimestamp") !== "" &&
    finalizersOf(metadata).length === 0 &&
    strategy.holdsDeletion?.(object) !== true &&
    (numberAt(metadata, "deletionGracePeriodSeconds") ?? 0) === 0
  );
}

function finalizersOf(metadata: JsonObject): readonly string[] {
  return listAt(metadata, "finalizers").filter((finalizer) => typeof finalizer === "string");
}

function withOwn(finalizers: readonly string[], own: string | undefined): readonly string[] {
  return own === undefined || finalizers.includes(own) ? finalizers : [...finalizers, own];
}

/** `foregroundDeletion` and `orphan` exclude each other; Background, or no wish, leaves what is there. */
function finalizersAfter(present: readonly string[], policy: PropagationPolicy | undefined): readonly string[] {
  if (policy === undefined) return present;
  const others = present.filter((finalizer) => finalizer !== "orphan" && finalizer !== "foregroundDeletion");
  if (policy === "Orphan") return [...others, "orphan"];
  return policy === "Foreground" ? [...others, "foregroundDeletion"] : others;
}
