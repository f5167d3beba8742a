// Owners that the API said are not there. A uid never comes back, so the answer holds for ever; a thousand dependents of
// one owner cost one question.
import type { ResourceRef } from "@triarch/client";

/** Past it the oldest answer is forgotten, and asked for again when needed. */
export const absentOwnersMax = 500;

export interface OwnerCoordinates {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export class AbsentOwners {
  readonly #known = new Set<string>();

  has(ref: ResourceRef, owner: OwnerCoordinates): boolean {
    return this.#known.has(keyOf(ref, owner));
  }

  add(ref: ResourceRef, owner: OwnerCoordinates): void {
    this.#known.add(keyOf(ref, owner));
    for (const oldest of this.#known) {
      if (this.#known.size <= absentOwnersMax) return;
      this.#known.delete(oldest);
    }
  }
}

function keyOf(ref: ResourceRef, { namespace, name, uid }: OwnerCoordinates): string {
  return [ref.group, ref.resource, namespace, name, uid].join("/");
}
