// Admission: what the cluster adds to a request or refuses, after authorisation and before storage. Plug-ins run in the
// order of the list; each sees what those before it changed. They are asked again when a lost race repeats an update.
import { type JsonObject, type MutableObject, type ResourceInfo } from "@triarch/api";
import type { UserInfo } from "@triarch/auth";

export interface AdmissionRequest {
  readonly resource: ResourceInfo;
  /** Empty: the object itself. */
  readonly subresource?: string;
  readonly namespace: string;
  readonly name?: string;
  readonly user: UserInfo;
}

export interface CreateAdmission extends AdmissionRequest {
  /** Decoded and defaulted; plug-ins may change it. */
  readonly object: MutableObject;
}

/** Each method may throw a `StatusError` to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  admitCreate?(request: CreateAdmission): Promise<void> | void;
  admitUpdate?(request: AdmissionRequest, next: MutableObject, old: JsonObject): Promise<void> | void;
  admitDelete?(request: AdmissionRequest, old: JsonObject): Promise<void> | void;
}

export interface Admission {
  admitCreate(request: CreateAdmission): Promise<void>;
  admitUpdate(request: AdmissionRequest, next: MutableObject, old: JsonObject): Promise<void>;
  admitDelete(request: AdmissionRequest, old: JsonObject): Promise<void>;
}

export function admissionChain(plugins: readonly AdmissionPlugin[]): Admission {
  return {
    admitCreate: async (request) => {
      for (const plugin of plugins) await plugin.admitCreate?.(request);
    },
    admitUpdate: async (request, next, old) => {
      for (const plugin of plugins) await plugin.admitUpdate?.(request, next, old);
    },
    admitDelete: async (request, old) => {
      for (const plugin of plugins) await plugin.admitDelete?.(request, old);
    },
  };
}

/** Is this the resource itself in the core group? */
export function isCore(request: AdmissionRequest, resource: string): boolean {
  return request.resource.group === "" && request.resource.resource === resource && (request.subresource ?? "") === "";
}
