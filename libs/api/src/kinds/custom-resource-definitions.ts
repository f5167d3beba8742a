// CustomResourceDefinitions: names, versions and what each version says. Schemas: validation/crd-schema.ts.
import type { CustomResourceDefinition } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, invalid, required } from "../meta/field-error.ts";
import { childOf, deepEqual, isObject, listAt, type MutableObject, objectAt, textAt } from "../meta/mutable.ts";
import { type Errors, immutable } from "../validation/basics.ts";
import { checkDefinitionNames, validateDefinitionSpec } from "../validation/crd-spec.ts";
import { sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

/** Keeps a deleted definition until its objects are gone. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";
const approvalAnnotation = "api-approved.kubernetes.io";
/** Groups of the Kubernetes project itself; kinds in them need its approval. */
const protectedGroup = /(?:^|\.)(?:k8s\.io|kubernetes\.io)$/;

export const customResourceDefinitions: KindStrategy = defineStrategy({
  namespaced: false,
  generationFields: ["spec"],
  initialStatus: { conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: null },
  deletionFinalizer: cleanupFinalizer,
  prepareCreate: rememberStoredVersion,
  prepareUpdate: rememberStoredVersion,
  onMarkedForDeletion: (next) => {
    const conditions = listAt(childOf(next, "status"), "conditions").filter(isObject) as MutableObject[];
    childOf(next, "status")["conditions"] = [...conditions, terminating(next)];
  },
  validate: validateDefinition,
  validateNew: (object) => {
    const { metadata, spec } = sparse<CustomResourceDefinition>(object);
    const { name = "", annotations = {} } = metadata ?? {};
    const { group = "", names } = spec ?? {};
    const errors: Errors = [];
    if (name !== "" && name !== `${names?.plural ?? ""}.${group}`) {
      errors.push(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'));
    }
    if (spec?.preserveUnknownFields === true) {
      errors.push(invalid("spec.preserveUnknownFields", true, "must be false in order to use defaults in the schema"));
    }
    const approval = annotations[approvalAnnotation];
    if (protectedGroup.test(group) && !isApproval(approval)) {
      const field = `metadata.annotations[${approvalAnnotation}]`;
      const text =
        "protected groups must have approval annotation with a link to the approved design, or unapproved and why";
      errors.push(approval === undefined ? required(field, text) : invalid(field, approval, text));
    }
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const errors: Errors = [];
    const keep = (path: string, value: JsonValue | undefined, was: JsonValue | undefined): void => {
      if (!deepEqual(value, was)) errors.push(immutable(path, value ?? ""));
    };
    const [names, namesBefore] = [objectAt(spec, "names") ?? {}, objectAt(before, "names") ?? {}];
    // Objects are stored by these.
    if (isEstablished(old)) {
      keep("spec.scope", spec["scope"], before["scope"]);
      keep("spec.names.kind", names["kind"], namesBefore["kind"]);
    }
    keep("spec.group", spec["group"], before["group"]);
    keep("spec.names.plural", names["plural"], namesBefore["plural"]);
    return errors;
  },
  validateStatus: (next) => {
    const { acceptedNames = {}, storedVersions = [] } = sparse<CustomResourceDefinition>(next).status ?? {};
    const errors: Errors = [];
    checkDefinitionNames(errors, "status.acceptedNames", acceptedNames);
    return [...errors, ...validateStoredVersions(next, storedVersions)];
  },
});

/** The names are accepted and objects may be written. */
export function isEstablished(definition: JsonObject): boolean {
  return listAt(objectAt(definition, "status") ?? {}, "conditions")
    .filter(isObject)
    .some((condition) => textAt(condition, "type") === "Established" && textAt(condition, "status") === "True");
}

function terminating(definition: MutableObject): MutableObject {
  return {
    type: "Terminating",
    status: "True",
    lastTransitionTime: textAt(childOf(definition, "metadata"), "deletionTimestamp"),
    reason: "InstanceDeletionPending",
    message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
  };
}

function isApproval(value: string | undefined): boolean {
  return value !== undefined && (/^https?:\/\/[^/]+/.test(value) || value.startsWith("unapproved"));
}

/** Objects may have been written in every version that ever was the stored one. */
function rememberStoredVersion(object: MutableObject): void {
  const versions = listAt(childOf(object, "spec"), "versions").filter(isObject);
  const stored = versions.find((version) => version["storage"] === true);
  if (stored === undefined) return;
  const status = childOf(object, "status");
  const before = listAt(status, "storedVersions").filter((name) => typeof name === "string");
  const name = textAt(stored, "name");
  if (!before.includes(name)) status["storedVersions"] = [...before, name];
}

function validateDefinition(object: JsonObject): readonly FieldError[] {
  const { storedVersions = [] } = sparse<CustomResourceDefinition>(object).status ?? {};
  return [...validateDefinitionSpec(object), ...validateStoredVersions(object, storedVersions)];
}

function validateStoredVersions(object: JsonObject, stored: readonly string[]): readonly FieldError[] {
  const path = "status.storedVersions";
  if (stored.length === 0) return [invalid(path, undefined, "must have at least one stored version")];
  const { versions = [] } = sparse<CustomResourceDefinition>(object).spec ?? {};
  const errors: Errors = [];
  // Each stored version stands for one version of the definition: a second one of the same name finds none.
  const unmatched = new Set(stored);
  for (const { storage, name = "" } of versions) {
    if (!unmatched.delete(name) && storage === true) {
      errors.push(invalid(path, stored, `must have the storage version ${name}`));
    }
  }
  const names = versions.map(({ name = "" }) => name);
  stored.forEach((name, i) => {
    if (names.includes(name)) return;
    const text = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(invalid(`${path}[${i}]`, name, text));
  });
  return errors;
}
