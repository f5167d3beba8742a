// Admission: what the cluster adds to a request or refuses, after authorisation and before storage. Plug-ins run in the
// order of the list; each sees what those before it changed. Those that only judge come last, once the kind's own rules
// have held. All are asked again when a lost race repeats an update.
import {
  forbiddenRequest,
  type JsonObject,
  type MutableObject,
  objectAt,
  type ResourceInfo,
  StatusError,
  textAt,
} from "@triarch/api";
import type { UserInfo } from "@triarch/auth";

export interface AdmissionRequest {
  readonly resource: ResourceInfo;
  /** Empty: the object itself. */
  readonly subresource?: string;
  readonly namespace: string;
  readonly name?: string;
  readonly user: UserInfo;
}

export interface WriteAdmission extends AdmissionRequest {
  /** Texts for `Warning` headers; plug-ins add theirs. */
  readonly warnings: string[];
}

export interface CreateAdmission extends WriteAdmission {
  /** Decoded and defaulted; plug-ins may change it. */
  readonly object: MutableObject;
}

/** Each method may throw a `StatusError` to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  admitCreate?(request: CreateAdmission): Promise<void> | void;
  admitUpdate?(request: WriteAdmission, next: MutableObject, old: JsonObject): Promise<void> | void;
  admitDelete?(request: AdmissionRequest, old: JsonObject): Promise<void> | void;
  /** Judges what will be stored, as it will be stored. */
  validateCreate?(request: CreateAdmission): Promise<void> | void;
  validateUpdate?(request: WriteAdmission, next: JsonObject, old: JsonObject): Promise<void> | void;
}

export interface Admission {
  admitCreate(request: CreateAdmission): Promise<void>;
  admitUpdate(request: WriteAdmission, next: MutableObject, old: JsonObject): Promise<void>;
  admitDelete(request: AdmissionRequest, old: JsonObject): Promise<void>;
  validateCreate(request: CreateAdmission): Promise<void>;
  validateUpdate(request: WriteAdmission, next: JsonObject, old: JsonObject): Promise<void>;
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
    validateCreate: async (request) => {
      for (const plugin of plugins) await plugin.validateCreate?.(request);
    },
    validateUpdate: async (request, next, old) => {
      for (const plugin of plugins) await plugin.validateUpdate?.(request, next, old);
    },
  };
}

/** Is this the resource itself in the core group? */
export function isCore(request: AdmissionRequest, resource: string): boolean {
  return request.resource.group === "" && request.resource.resource === resource && (request.subresource ?? "") === "";
}

/** Refuses the object that is written, by the name it has or will get. @param why the sentence after `… is forbidden: ` */
export function refused({ resource, name }: AdmissionRequest, object: JsonObject, why: string): StatusError {
  const own = textAt(objectAt(object, "metadata"), "name");
  return new StatusError(forbiddenRequest(resource, own === "" ? (name ?? "") : own, why));
}
