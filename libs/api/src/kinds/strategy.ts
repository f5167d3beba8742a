// What is special about a kind, as one value: how its objects are prepared before a write and what makes them invalid.
// Order of a write: structure check, defaults, `prepare…`, admission, `validate…`, store. Strategies never see nulls or
// wrong types (the structure check has gone before), hold no state and touch nothing but the object they are given.
import type { JsonObject } from "../json.ts";
import type { FieldError } from "../meta/field-error.ts";
import type { MutableObject } from "../meta/mutable.ts";

/** Who writes, as far as objects remember it. */
export interface Requester {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface WriteContext {
  readonly nowMs: number;
  /** Absent where no request is behind the write. */
  readonly user?: Requester;
}

/** The part of DeleteOptions that decides how long an object may linger. */
export interface DeletionRequest {
  readonly gracePeriodSeconds?: number | undefined;
}

/** What a scale subresource shows and changes; a `Scale` of autoscaling/v1. */
export interface ScaleAccess {
  get(object: JsonObject): JsonObject;
  set(object: MutableObject, replicas: number): void;
}

export interface KindStrategy {
  /** Drops status, sets what every new object of the kind has. `metadata.generation` is 1 for kinds that count it. */
  prepareForCreate(object: MutableObject, context: WriteContext): void;
  /** Keeps status, bumps `metadata.generation` when the spec changed, restores what an update silently may not change. */
  prepareForUpdate(next: MutableObject, old: JsonObject): void;
  /** Keeps everything but status (and, as Kubernetes does, labels and annotations of metadata). */
  prepareForStatusUpdate(next: MutableObject, old: JsonObject, context: WriteContext): void;
  validateCreate(object: JsonObject, context: WriteContext): readonly FieldError[];
  validateUpdate(next: JsonObject, old: JsonObject): readonly FieldError[];
  validateStatusUpdate(next: JsonObject, old: JsonObject): readonly FieldError[];
  /** Values for field selectors; `metadata.name`, and `metadata.namespace` for namespaced kinds, are always there. */
  fieldsForSelector(object: JsonObject): Readonly<Record<string, string>>;
  /** Every label a field selector may name on this kind. */
  readonly supportedFieldSelectors: readonly string[];
  /** May a PUT or an apply make the object? */
  readonly allowCreateOnUpdate: boolean;
  /** May a PUT leave out `metadata.resourceVersion`? */
  readonly allowUnconditionalUpdate: boolean;
  /** Does the kind have a status that the status subresource alone writes? */
  readonly hasStatus: boolean;
  /**
   * Seconds to keep the object after a delete; absent on kinds that go at once.
   * 0 means now, also where the client asked for more (a pod that no kubelet runs).
   */
  gracePeriodSeconds?(object: JsonObject, request: DeletionRequest): number;
  /** What a delete without propagation policy does; Background where absent. */
  readonly defaultPropagationPolicy?: "Orphan";
  /** Namespaces are kept by `spec.finalizers`, not only by those of metadata. */
  holdsDeletion?(object: JsonObject): boolean;
  /** A delete adds it, so that the kind's own cleaning runs before the object goes. */
  readonly deletionFinalizer?: string;
  /** Changes that go with the deletion mark: a namespace's phase. */
  onMarkedForDeletion?(next: MutableObject): void;
  readonly scale?: ScaleAccess;
  /** Texts for `Warning` headers. */
  warnings?(object: JsonObject): readonly string[];
}

/** How a write through one path of an object is confined and checked. */
export interface SubresourceRules {
  /** Puts back all of `next` that this path may not change. */
  prepare(next: MutableObject, old: JsonObject, context: WriteContext): void;
  validate(next: JsonObject, old: JsonObject): readonly FieldError[];
}
