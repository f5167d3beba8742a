// What holds for `metadata` of every kind: how it is prepared before a write and what is wrong with it.
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "./field-error.ts";
import { carryField, childOf, isObject, listAt, type MutableObject, objectAt, textAt } from "./mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey, labelValue, type NameCheck, qualifiedName } from "./names.ts";
import { timeText } from "./time.ts";

/** Sum of all keys and values of annotations; past it the object is refused. */
const annotationsSizeBytesMax = 256 * 1024;
const generateNameSuffixLength = 5;

const standardFinalizers: ReadonlySet<string> = new Set(["kubernetes", "foregroundDeletion", "orphan"]);
/** Kinds of the core API that must not own anything. */
const kindsThatOwnNothing: ReadonlySet<string> = new Set(["v1/Event"]);

/** Fields of metadata that only the server writes on update; clients' values are replaced by the stored ones. */
const serverOwned = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "generation",
];

/** Sets what a new object gets from the server and drops what a client may not set. */
export function prepareMetaForCreate(object: MutableObject, uid: string, nowMs: number): void {
  const meta = childOf(object, "metadata");
  for (const key of ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"])
    delete meta[key];
  delete meta["generation"];
  meta["uid"] = uid;
  meta["creationTimestamp"] = timeText(nowMs);
}

/**
 * Keeps what an update may not touch. Clients often send back an object without uid or times; that is no change.
 * A different uid or resourceVersion is a conflict, which the caller checks before.
 */
export function prepareMetaForUpdate(next: MutableObject, old: JsonObject): void {
  const meta = childOf(next, "metadata");
  const oldMeta = objectAt(old, "metadata") ?? {};
  for (const key of serverOwned) carryField(meta, oldMeta, key);
}

export function generationOf(object: JsonObject): number {
  const generation = objectAt(object, "metadata")?.["generation"];
  return typeof generation === "number" ? generation : 0;
}

export interface MetaRules {
  readonly namespaced: boolean;
  /** The grammar of names of this kind. */
  readonly nameCheck: NameCheck;
}

/** What is wrong with the metadata of an object about to be stored; `path` is `metadata` except inside templates. */
export function validateObjectMeta(object: JsonObject, rules: MetaRules): readonly FieldError[] {
  const path = "metadata";
  const meta = objectAt(object, "metadata") ?? {};
  const errors: FieldError[] = [];
  const generateName = textAt(meta, "generateName");
  if (generateName !== "") {
    for (const text of rules.nameCheck(prefixForCheck(generateName))) {
      errors.push(invalid(`${path}.generateName`, generateName, text));
    }
  }
  const name = textAt(meta, "name");
  if (name === "") errors.push(required(`${path}.name`, "name or generateName is required"));
  else for (const text of rules.nameCheck(name)) errors.push(invalid(`${path}.name`, name, text));
  errors.push(...validateNamespace(meta, path, rules.namespaced));
  errors.push(...validateLabels(meta["labels"], `${path}.labels`));
  errors.push(...validateAnnotations(meta["annotations"], `${path}.annotations`));
  errors.push(...validateOwnerReferences(meta, `${path}.ownerReferences`));
  errors.push(...validateFinalizers(meta, `${path}.finalizers`));
  return errors;
}

/** What an update changed in metadata although it may not. The new object's own metadata is checked as well. */
export function validateObjectMetaUpdate(next: JsonObject, old: JsonObject, rules: MetaRules): readonly FieldError[] {
  const meta = objectAt(next, "metadata") ?? {};
  const oldMeta = objectAt(old, "metadata") ?? {};
  const errors: FieldError[] = [];
  if (textAt(oldMeta, "deletionTimestamp") !== "") {
    const before = new Set(listAt(oldMeta, "finalizers"));
    const added = listAt(meta, "finalizers").filter((finalizer) => !before.has(finalizer));
    if (added.length > 0) {
      const shown = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
      errors.push(
        forbidden(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`,
        ),
      );
    }
  }
  for (const key of ["name", "namespace", "uid", "creationTimestamp"]) {
    if (textAt(meta, key) !== textAt(oldMeta, key)) {
      errors.push(invalid(`metadata.${key}`, meta[key] ?? "", "field is immutable"));
    }
  }
  // The recorded server reports a forbidden finalizer twice: once for the change, once with the object as a whole.
  const added = errors.filter((error) => error.field === "metadata.finalizers");
  return [...errors, ...validateObjectMeta(next, rules), ...added];
}

/** A generated name is its prefix plus letters, so a trailing `-` of the prefix is fine. */
function prefixForCheck(prefix: string): string {
  const cut = prefix.endsWith("-") && prefix.length > 1 ? `${prefix.slice(0, -1)}a` : prefix;
  return cut.slice(0, 253 - generateNameSuffixLength);
}

function validateNamespace(meta: JsonObject, path: string, namespaced: boolean): readonly FieldError[] {
  const namespace = textAt(meta, "namespace");
  if (!namespaced) {
    return namespace === "" ? [] : [forbidden(`${path}.namespace`, "not allowed on this type")];
  }
  if (namespace === "") return [required(`${path}.namespace`)];
  return dns1123Label(namespace).map((text) => invalid(`${path}.namespace`, namespace, text));
}

export function validateLabels(labels: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of sortedEntries(labels)) {
    for (const text of labelKey(key)) errors.push(invalid(path, key, text));
    for (const text of labelValue(value)) errors.push(invalid(path, value, text));
  }
  return errors;
}

export function validateAnnotations(annotations: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  let sizeBytes = 0;
  for (const [key, value] of sortedEntries(annotations)) {
    for (const text of qualifiedName(key.toLowerCase())) errors.push(invalid(path, key, text));
    sizeBytes += key.length + value.length;
  }
  if (sizeBytes > annotationsSizeBytesMax) errors.push(tooLong(path, annotationsSizeBytesMax));
  return errors;
}

function validateFinalizers(meta: JsonObject, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const finalizers = listAt(meta, "finalizers").filter((finalizer) => typeof finalizer === "string");
  finalizers.forEach((finalizer, i) => {
    const field = `${path}[${i}]`;
    for (const text of qualifiedName(finalizer)) errors.push(invalid(field, finalizer, text));
    if (!finalizer.includes("/") && !standardFinalizers.has(finalizer)) {
      errors.push(invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified"));
    }
  });
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.push(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  }
  return errors;
}

function validateOwnerReferences(meta: JsonObject, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  listAt(meta, "ownerReferences")
    .filter(isObject)
    .forEach((owner, i) => {
      const field = `${path}[${i}]`;
      const [apiVersion, kind, name] = [textAt(owner, "apiVersion"), textAt(owner, "kind"), textAt(owner, "name")];
      if (!/^(?:[^/]+\/)?[^/]+$/.test(apiVersion)) {
        errors.push(invalid(`${field}.apiVersion`, apiVersion, "version must not be empty"));
      }
      if (kind === "") errors.push(invalid(`${field}.kind`, kind, "must not be empty"));
      if (name === "") errors.push(invalid(`${field}.name`, name, "must not be empty"));
      if (textAt(owner, "uid") === "") errors.push(invalid(`${field}.uid`, "", "must not be empty"));
      if (kindsThatOwnNothing.has(`${apiVersion}/${kind}`)) {
        errors.push(invalid(field, owner, `${apiVersion}, Kind=${kind} is disallowed from being an owner`));
      }
      if (owner["controller"] === true) {
        if (controller !== undefined) {
          const both = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${kind}/${name}`;
          errors.push(invalid(path, listAt(meta, "ownerReferences"), both));
        }
        controller = `${kind}/${name}`;
      }
    });
  return errors;
}

function sortedEntries(map: unknown): readonly (readonly [string, string])[] {
  if (typeof map !== "object" || map === null) return [];
  return Object.entries(map)
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

/** The names most kinds use. */
export const subdomainName: NameCheck = dns1123Subdomain;
