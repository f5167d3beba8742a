// What a namespace on its way out still holds, told in its conditions, and whether it may go.
import type { Namespace } from "@triarch/api";
import type { Now } from "./deployment.ts";
import { isBeingDeleted } from "./objects.ts";

/** The finalizer that the namespace controller takes away. */
export const namespaceFinalizer = "kubernetes";

/** What one round of removing found. */
export interface NamespaceContent {
  /** Objects that are still there, per resource. */
  readonly remaining: readonly {
    /** `pods`, `deployments.apps` */
    readonly resource: string;
    readonly count: number;
    /** Objects per finalizer that holds them. */
    readonly finalizers: ReadonlyMap<string, number>;
  }[];
  /** What the API refused to delete or list, one sentence each. */
  readonly failures: readonly string[];
  /** Why not all resources are known. */
  readonly discoveryFailure: string | undefined;
}

export type NamespacePlan =
  | { readonly kind: "none" }
  /** Remove the content, then ask again with what remained. */
  | { readonly kind: "empty" };

type Condition = NonNullable<NonNullable<Namespace["status"]>["conditions"]>[number];

export function planNamespace(namespace: Namespace): NamespacePlan {
  const finalizers = namespace.spec?.finalizers ?? [];
  return isBeingDeleted(namespace) && finalizers.includes(namespaceFinalizer) ? { kind: "empty" } : { kind: "none" };
}

/** True: nothing is left, and nothing was overlooked. */
export function namespaceIsEmpty(content: NamespaceContent): boolean {
  return content.remaining.length === 0 && content.failures.length === 0 && content.discoveryFailure === undefined;
}

/** The conditions of `namespace` after a round; times change only where a status changes. */
export function namespaceConditions(namespace: Namespace, content: NamespaceContent, now: Now): readonly Condition[] {
  const old = namespace.status?.conditions ?? [];
  const finalizers = new Map<string, number>();
  for (const { finalizers: held } of content.remaining) {
    for (const [name, count] of held) finalizers.set(name, (finalizers.get(name) ?? 0) + count);
  }
  const left = sorted(content.remaining.map((one) => `${one.resource} has ${one.count} resource instances`));
  const held = sorted([...finalizers].map(([name, count]) => `${name} in ${count} resource instances`));
  const undone = content.failures.length === 0 ? undefined : sorted(content.failures).join("; ");
  const next: readonly Omit<Condition, "lastTransitionTime">[] = [
    condition("NamespaceDeletionDiscoveryFailure", content.discoveryFailure, {
      bad: "DiscoveryFailed",
      good: "ResourcesDiscovered",
      text: "All resources successfully discovered",
    }),
    condition("NamespaceDeletionGroupVersionParsingFailure", undefined, {
      bad: "GroupVersionParsingFailed",
      good: "ParsedGroupVersions",
      text: "All legacy kube types successfully parsed",
    }),
    condition("NamespaceDeletionContentFailure", undone, {
      bad: "ContentDeletionFailed",
      good: "ContentDeleted",
      text: "All content successfully deleted, may be waiting on finalization",
    }),
    condition(
      "NamespaceContentRemaining",
      left.length === 0 ? undefined : `Some resources are remaining: ${left.join(", ")}`,
      { bad: "SomeResourcesRemain", good: "ContentRemoved", text: "All content successfully removed" },
    ),
    condition(
      "NamespaceFinalizersRemaining",
      held.length === 0 ? undefined : `Some content in the namespace has finalizers remaining: ${held.join(", ")}`,
      {
        bad: "SomeFinalizersRemain",
        good: "ContentHasNoFinalizers",
        text: "All content-preserving finalizers finished",
      },
    ),
  ];
  const ours = new Set(next.map((one) => one.type));
  return [
    ...old.filter((one) => !ours.has(one.type)),
    ...next.map((one) => {
      const before = old.find((known) => known.type === one.type);
      const since = before?.status === one.status ? before.lastTransitionTime : undefined;
      return { ...one, lastTransitionTime: since ?? now.text };
    }),
  ];
}

function condition(
  type: string,
  trouble: string | undefined,
  say: { readonly bad: string; readonly good: string; readonly text: string },
): Omit<Condition, "lastTransitionTime"> {
  return trouble === undefined
    ? { type, status: "False", reason: say.good, message: say.text }
    : { type, status: "True", reason: say.bad, message: trouble };
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...texts].sort();
}
