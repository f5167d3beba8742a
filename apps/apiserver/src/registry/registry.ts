// What every write needs: where objects live, who looks at them before they do, and where time and chance come from.
import type { JsonObject, MutableObject, ResourceInfo } from "@triarch/api";
import type { UserInfo } from "@triarch/auth";
import type { Clock, Rng } from "@triarch/base";
import type { Admission } from "../admission/admission.ts";
import type { ServiceAllocator } from "../services/service-allocator.ts";
import type { ResourceStore } from "../storage/index.ts";

export interface Registry {
  readonly store: ResourceStore;
  readonly clock: Clock;
  /** For generated names; never for secrets. */
  readonly rng: Rng;
  readonly newUid: () => string;
  readonly admission: Admission;
  readonly services: ServiceAllocator;
}

/** Who writes what, as far as every kind of write knows it. */
export interface WriteRequest {
  readonly resource: ResourceInfo;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  readonly user: UserInfo;
  /** Empty: the object itself is written. */
  readonly subresource: string;
  /**
   * Who becomes the owner of the fields that the write changes. Undefined: the object comes with its managed fields as
   * they shall be.
   */
  readonly fieldManager: string | undefined;
  readonly dryRun: boolean;
  /** Texts for `Warning` headers. */
  readonly warnings: string[];
}

/** An object as it is after a write; `created` decides between 200 and 201. */
export interface WriteResult {
  readonly object: JsonObject;
  readonly created: boolean;
}

/** What clients may not write: the store sets the version. */
export function dropServerFields(meta: MutableObject): void {
  delete meta["resourceVersion"];
  delete meta["selfLink"];
}
