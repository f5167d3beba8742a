// The strategy that most kinds share, with the places where kinds differ as plain rules. A kind's file states its rules
// and gets a `KindStrategy`.
import type { JsonObject, JsonValue } from "../json.ts";
import type { FieldError } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  type MutableObject,
  objectAt,
  ownField,
  semanticEqual,
  textAt,
} from "../meta/mutable.ts";
import type { NameCheck } from "../meta/names.ts";
import { dns1123Subdomain } from "../meta/names.ts";
import { generationOf, type MetaPass, validateObjectMeta, validateObjectMetaUpdate } from "../meta/object-meta.ts";
import type { DeletionRequest, KindStrategy, ScaleAccess, WriteContext } from "./strategy.ts";

export interface KindRules {
  readonly namespaced: boolean;
  /** Grammar of the kind's names; RFC 1123 subdomain where absent. */
  readonly nameCheck?: NameCheck;
  /** Fields whose change makes a new generation, `spec` or `metadata.labels`; absent where the kind counts none. */
  readonly generationFields?: readonly string[];
  /** Status of a new object; absent where the kind has none. */
  readonly initialStatus?: JsonObject;
  /** A create may bring its status: kubelets register nodes so. */
  readonly keepsStatusOnCreate?: boolean;
  /** Labels that a status update sends are ignored. */
  readonly statusKeepsLabels?: boolean;
  readonly finalizers?: readonly string[];
  /** How the kind itself looks at the metadata of an update; as a change and as an object where absent. */
  readonly metaPasses?: readonly MetaPass[];
  /** False on kinds that PUT never creates, which are most. */
  readonly allowCreateOnUpdate?: boolean;
  readonly allowUnconditionalUpdate?: boolean;
  readonly prepareCreate?: (object: MutableObject, context: WriteContext) => void;
  readonly prepareUpdate?: (next: MutableObject, old: JsonObject) => void;
  readonly prepareStatusUpdate?: (next: MutableObject, old: JsonObject, context: WriteContext) => void;
  /** What is wrong with an object, new or changed, apart from its metadata. */
  readonly validate?: (object: JsonObject) => readonly FieldError[];
  /** What a new object must have and an old one is not asked again. */
  readonly validateNew?: (object: JsonObject) => readonly FieldError[];
  /** What may not have changed; runs after `validate`. */
  readonly validateChange?: (next: JsonObject, old: JsonObject) => readonly FieldError[];
  /** What changed is reported before what is wrong: the order of the sentences in the answer. */
  readonly changesFirst?: boolean;
  readonly validateStatus?: (next: JsonObject, old: JsonObject) => readonly FieldError[];
  /** The kind's own fields for selectors, beside name and namespace. */
  readonly selectorFields?: readonly string[];
  readonly selectorValues?: (object: JsonObject) => Readonly<Record<string, string>>;
  readonly gracePeriodSeconds?: (object: JsonObject, request: DeletionRequest) => number;
  readonly defaultPropagationPolicy?: "Orphan";
  readonly holdsDeletion?: (object: JsonObject) => boolean;
  readonly deletionFinalizer?: string;
  readonly onMarkedForDeletion?: (next: MutableObject) => void;
  readonly scale?: ScaleAccess;
  readonly warnings?: (object: JsonObject) => readonly string[];
}

export function defineStrategy(rules: KindRules): KindStrategy {
  const { namespaced, initialStatus } = rules;
  const meta = { namespaced, nameCheck: rules.nameCheck ?? dns1123Subdomain };
  const hasStatus = initialStatus !== undefined;
  return {
    prepareForCreate: (object, context) => {
      if (hasStatus) {
        const given = rules.keepsStatusOnCreate === true ? (objectAt(object, "status") ?? {}) : {};
        object["status"] = { ...deepCopy(initialStatus), ...deepCopy(given) };
      }
      const metadata = childOf(object, "metadata");
      if (rules.generationFields !== undefined) metadata["generation"] = 1;
      addFinalizers(metadata, rules.finalizers ?? []);
      rules.prepareCreate?.(object, context);
    },
    prepareForUpdate: (next, old) => {
      if (hasStatus) carryField(next, old, "status");
      rules.prepareUpdate?.(next, old);
      const changed = (rules.generationFields ?? []).some((field) => !sameField(next, old, field));
      if (changed) childOf(next, "metadata")["generation"] = generationOf(old) + 1;
    },
    prepareForStatusUpdate: (next, old, context) => {
      for (const key of new Set([...Object.keys(next), ...Object.keys(old)])) {
        if (key !== "status" && key !== "metadata") carryField(next, old, key);
      }
      if (rules.statusKeepsLabels === true)
        carryField(childOf(next, "metadata"), objectAt(old, "metadata") ?? {}, "labels");
      rules.prepareStatusUpdate?.(next, old, context);
    },
    validateCreate: (object) => [
      ...validateObjectMeta(object, meta),
      ...(rules.validate?.(object) ?? []),
      ...(rules.validateNew?.(object) ?? []),
    ],
    validateUpdate: (next, old) => {
      const wrong = rules.validate?.(next) ?? [];
      const changed = rules.validateChange?.(next, old) ?? [];
      const inOrder = rules.changesFirst === true ? [...changed, ...wrong] : [...wrong, ...changed];
      return [...validateObjectMetaUpdate(next, old, meta), ...inOrder];
    },
    validateStatusUpdate: (next, old) => [
      ...validateObjectMetaUpdate(next, old, meta, ["change"]),
      ...(rules.validateStatus?.(next, old) ?? []),
    ],
    fieldsForSelector: (object) => {
      const metadata = objectAt(object, "metadata");
      const own = rules.selectorValues?.(object) ?? {};
      const name = textAt(metadata, "name");
      return namespaced
        ? { "metadata.name": name, "metadata.namespace": textAt(metadata, "namespace"), ...own }
        : { "metadata.name": name, ...own };
    },
    supportedFieldSelectors: ["metadata.name", "metadata.namespace", ...(rules.selectorFields ?? [])],
    allowCreateOnUpdate: rules.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: rules.allowUnconditionalUpdate ?? true,
    hasStatus,
    ...(rules.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: rules.gracePeriodSeconds }),
    ...(rules.defaultPropagationPolicy === undefined
      ? {}
      : { defaultPropagationPolicy: rules.defaultPropagationPolicy }),
    ...(rules.holdsDeletion === undefined ? {} : { holdsDeletion: rules.holdsDeletion }),
    ...(rules.deletionFinalizer === undefined ? {} : { deletionFinalizer: rules.deletionFinalizer }),
    ...(rules.onMarkedForDeletion === undefined ? {} : { onMarkedForDeletion: rules.onMarkedForDeletion }),
    ...(rules.scale === undefined ? {} : { scale: rules.scale }),
    ...(rules.warnings === undefined ? {} : { warnings: rules.warnings }),
  };
}

function addFinalizers(metadata: MutableObject, finalizers: readonly string[]): void {
  if (finalizers.length === 0) return;
  const present = Array.isArray(metadata["finalizers"]) ? metadata["finalizers"] : [];
  metadata["finalizers"] = [...present, ...finalizers.filter((finalizer) => !present.includes(finalizer))];
}

function sameField(next: JsonObject, old: JsonObject, path: string): boolean {
  return semanticEqual(fieldAt(next, path), fieldAt(old, path));
}

function fieldAt(object: JsonObject, path: string): JsonValue | undefined {
  const [first = "", second] = path.split(".");
  if (second === undefined) return ownField(object, first);
  const parent = objectAt(object, first);
  return parent === undefined ? undefined : ownField(parent, second);
}
