// What holds for `metadata` of every kind: how it is prepared before a write and what is wrong with it.
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "./field-error.ts";
import { carryField, childOf, isObject, listAt, type MutableObject, objectAt, textAt } from "./mutable.ts";
import {
  dns1123Label,
  dns1123Subdomain,
  labelKey,
  labelValue,
  type NameCheck,
  pathSegment,
  qualifiedName,
} from "./names.ts";
import { timeText } from "./time.ts";

/** Sum of all keys and values of annotations; past it the object is refused. */
const annotationsSizeBytesMax = 256 * 1024;
const generateNameSuffixLength = 5;

const standardFinalizers: ReadonlySet<string> = new Set(["kubernetes", "foregroundDeletion", "orphan"]);
/** Kinds of the core API that must not own anything. */
const kindsThatOwnNothing: ReadonlySet<string> = new Set(["v1/Event"]);

/** Fields of metadata that only the server writes on update; clients' values are replaced by the stored ones. */
const serverOwned = ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"];

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
 * Keeps what an update may not touch. Clients often send back an object without uid or times; that is no change. A
 * different uid or resourceVersion is a conflict, which the caller checks before; a uid that a patch changes is invalid.
 */
export function prepareMetaForUpdate(next: MutableObject, old: JsonObject): void {
  const meta = childOf(next, "metadata");
  const oldMeta = objectAt(old, "metadata") ?? {};
  for (const key of serverOwned) carryField(meta, oldMeta, key);
  if (textAt(meta, "uid") === "") carryField(meta, oldMeta, "uid");
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

/**
 * How often an update is judged. Kubernetes looks at the metadata of every update twice, as an object and as a change, and
 * most kinds do so again themselves: what is wrong is then reported as often as it was seen.
 */
export type MetaPass = "object" | "change";

/** What is wrong with the metadata of an object about to be stored. */
export function validateObjectMeta(object: JsonObject, rules: MetaRules): readonly FieldError[] {
  const meta = objectAt(object, "metadata") ?? {};
  return [...objectPass(meta, rules), ...validateStandardFinalizers(meta)];
}

/**
 * What an update changed in metadata although it may not, and what is wrong with the new metadata.
 *
 * @param passes what the kind looks at itself, beyond what every update goes through
 */
export function validateObjectMetaUpdate(
  next: JsonObject,
  old: JsonObject,
  rules: MetaRules,
  passes: readonly MetaPass[] = ["change", "object"],
): readonly FieldError[] {
  const meta = objectAt(next, "metadata") ?? {};
  const oldMeta = objectAt(old, "metadata") ?? {};
  const common = [...objectPass(meta, { ...rules, nameCheck: pathSegment }), ...changePass(meta, oldMeta)];
  const own = passes.map((pass) => (pass === "object" ? objectPass(meta, rules) : changePass(meta, oldMeta)));
  return [...common, ...own.flatMap((errors) => [...errors, ...validateStandardFinalizers(meta)])];
}

function objectPass(meta: JsonObject, rules: MetaRules): readonly FieldError[] {
  const path = "metadata";
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
  errors.push(...validateNamespace(meta, path, rules.namespaced), ...sharedPass(meta));
  errors.push(...validateFinalizers(meta, `${path}.finalizers`));
  return errors;
}

function changePass(meta: JsonObject, oldMeta: JsonObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (textAt(oldMeta, "deletionTimestamp") !== "") {
    const before = new Set(listAt(oldMeta, "finalizers"));
    const added = listAt(meta, "finalizers").filter((finalizer) => !before.has(finalizer));
    if (added.length > 0) {
      const shown = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
      const text = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`;
      errors.push(forbidden("metadata.finalizers", text));
    }
  }
  for (const key of ["name", "namespace", "uid", "creationTimestamp"]) {
    if (textAt(meta, key) !== textAt(oldMeta, key)) {
      errors.push(invalid(`metadata.${key}`, meta[key] ?? "", "field is immutable"));
    }
  }
  return [...errors, ...sharedPass(meta)];
}

/** What both passes look at. */
function sharedPass(meta: JsonObject): readonly FieldError[] {
  return [
    ...validateLabels(meta["labels"], "metadata.labels"),
    ...validateAnnotations(meta["annotations"], "metadata.annotations"),
    ...validateOwnerReferences(meta, "metadata.ownerReferences"),
  ];
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
  const finalizers = textsOf(meta, "finalizers");
  const errors = finalizers.flatMap((finalizer) => finalizerName(finalizer, path));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.push(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  }
  return errors;
}

function finalizerName(finalizer: string, path: string): readonly FieldError[] {
  return qualifiedName(finalizer).map((text) => invalid(path, finalizer, text));
}

/** A finalizer without a domain must be one of Kubernetes' own. */
function standardFinalizer(finalizer: string, path: string): readonly FieldError[] {
  if (finalizer.includes("/") || standardFinalizers.has(finalizer)) return [];
  return [invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")];
}

function validateStandardFinalizers(meta: JsonObject): readonly FieldError[] {
  return textsOf(meta, "finalizers").flatMap((finalizer, i) =>
    standardFinalizer(finalizer, `metadata.finalizers[${i}]`),
  );
}

/** A finalizer outside of metadata: those in a namespace's spec. */
export function validateFinalizer(finalizer: string, path: string): readonly FieldError[] {
  return [...finalizerName(finalizer, path), ...standardFinalizer(finalizer, path)];
}

function textsOf(object: JsonObject, key: string): readonly string[] {
  return listAt(object, key).filter((item) => typeof item === "string");
}

function validateOwnerReferences(meta: JsonObject, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  listAt(meta, "ownerReferences")
    .filter(isObject)
    .forEach((owner) => {
      // Kubernetes names the list, not the item.
      const field = path;
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
