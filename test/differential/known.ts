// What a run has learnt from the answers so far, for steps that refer to it: revisions, leases, what was deleted.
import type { Frame, Shown } from "./show.ts";
import { isLeaseMark, isRevisionMark, unknownLease } from "./steps.ts";
import type { Drawn, LeaseMark, RevisionMark, Step } from "./steps.ts";

type Call = Extract<Step, { readonly kind: "call" }>;

export class Known {
  readonly #leaseIds: bigint[] = [];
  readonly #leaseNames = new Map<bigint, string>();
  readonly #leaseTtls = new Map<bigint, number>();
  /** Revisions that deleted something. */
  readonly #deletions = new Set<number>();
  /** The store's newest revision that an answer told. */
  current = 0;
  compacted = 0;
  base = 0;
  frame: Frame = { baseRevision: 0, leaseName: (id) => this.#leaseNames.get(id) ?? id.toString() };

  /** The store was emptied, which ended with this revision. */
  reset(revision: number): void {
    this.base = this.current = this.compacted = revision;
    this.frame = { ...this.frame, baseRevision: revision };
  }

  /** At the compacted revision something was deleted. */
  get compactedAtDeletion(): boolean {
    return this.#deletions.has(this.compacted);
  }

  /** What later steps refer to. */
  learn({ method }: Call, request: Drawn, answer: object): void {
    const revision = revisionOf(answer);
    this.current = Math.max(this.current, revision);
    if (method === "compact") this.compacted = (request["revision"] as number | undefined) ?? 0;
    if (method === "leaseRevoke" || deletesSomething(answer)) this.#deletions.add(revision);
    if (method !== "leaseGrant") return;
    const { id, ttl } = answer as { readonly id: bigint; readonly ttl: number };
    this.#leaseTtls.set(id, ttl);
    if (request["id"] !== undefined && request["id"] !== 0n) this.#leaseIds.push(id);
    else this.#leaseNames.set(id, `chosen${this.#leaseNames.size}`);
  }

  /** By expiry; equal times may come in any order. */
  leases(leases: readonly { readonly id: bigint }[]): Shown {
    const ttls = leases.map(({ id }) => this.#leaseTtls.get(id) ?? 0);
    const ordered = ttls.every((ttl, i) => i === 0 || (ttls[i - 1] ?? 0) <= ttl);
    const names = leases.map(({ id }, i) => `${String(ttls[i]).padStart(11)} ${this.frame.leaseName(id)}`);
    return { ordered, leases: names.sort() };
  }

  /** Numbers in place of marks. */
  resolve(value: unknown): unknown {
    if (isRevisionMark(value)) return this.#revision(value);
    if (isLeaseMark(value)) return this.#lease(value);
    if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((one) => this.resolve(one));
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, this.resolve(field)]));
  }

  #revision({ from, minus }: RevisionMark): number {
    if (from === "absolute") return -minus;
    return Math.max(0, (from === "current" ? this.current : this.compacted) - minus);
  }

  #lease({ leaseSlot }: LeaseMark): bigint {
    return this.#leaseIds[leaseSlot % Math.max(1, this.#leaseIds.length)] ?? unknownLease;
  }
}

function revisionOf(answer: object): number {
  return (answer as { readonly header?: { readonly revision: number } }).header?.revision ?? 0;
}

/** Of a delete, or of a transaction that holds one at any depth. */
function deletesSomething(answer: object): boolean {
  const { deleted = 0, responses = [] } = answer as { deleted?: number; responses?: readonly object[] };
  return (
    deleted > 0 ||
    responses.some((operation) =>
      Object.values(operation).some((one: unknown) => isObject(one) && deletesSomething(one)),
    )
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
