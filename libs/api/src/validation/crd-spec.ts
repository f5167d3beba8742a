// What a definition of custom resources says of itself: group, names, versions, conversion.
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { deepEqual, isObject, listAt, objectAt, ownField } from "../meta/mutable.ts";
import { dns1035Label, dns1123Subdomain } from "../meta/names.ts";
import type { Errors } from "./basics.ts";
import { checkColumns, checkScale, checkSelectable } from "./crd-paths.ts";
import { type SchemaNode, validateSchema } from "./crd-schema.ts";
import { type Sparse, sparse } from "./sparse.ts";
import { checkWebhookClient } from "./webhook-client.ts";

const warningLengthMax = 256;

export function validateDefinitionSpec(object: JsonObject): readonly FieldError[] {
  const { spec = {} } = sparse<CustomResourceDefinition>(object);
  const errors: Errors = [];
  checkGroupAndScope(errors, spec);
  checkVersions(errors, spec, listAt(objectAt(object, "spec") ?? {}, "versions").filter(isObject));
  const { names = {} } = spec;
  for (const field of ["plural", "singular", "kind", "listKind"] as const) {
    if ((names[field] ?? "") === "") errors.push(required(`spec.names.${field}`));
  }
  checkDefinitionNames(errors, "spec.names", names);
  checkConversion(errors, "spec.conversion", spec.conversion ?? {});
  return errors;
}

function checkGroupAndScope(errors: Errors, { group = "", scope = "" }: Sparse<CustomResourceDefinitionSpec>): void {
  const texts = dns1123Subdomain(group);
  if (group === "") errors.push(required("spec.group"));
  else if (texts.length > 0) errors.push(invalid("spec.group", group, texts.join(",")));
  else if (!group.includes(".")) {
    errors.push(invalid("spec.group", group, "should be a domain with at least one dot"));
  }
  if (scope === "") errors.push(required("spec.scope"));
  else if (scope !== "Cluster" && scope !== "Namespaced") {
    errors.push(notSupported("spec.scope", scope, ["Cluster", "Namespaced"]));
  }
}

/** Where each field of a version is reported: at the top where all versions have the same, as in Kubernetes' own form. */
function pathsOf(versions: readonly JsonObject[]): (field: string, i: number) => string {
  const top: Readonly<Record<string, string>> = {
    schema: "spec.validation",
    subresources: "spec.subresources",
    additionalPrinterColumns: "spec.additionalPrinterColumns",
    selectableFields: "spec.selectableFields",
  };
  const first = versions[0] ?? {};
  const shared = (field: string): boolean =>
    versions.every((version) => deepEqual(ownField(version, field), ownField(first, field)));
  return (field, i) => (shared(field) ? (top[field] ?? "spec") : `spec.versions[${i}].${field}`);
}

function checkVersions(
  errors: Errors,
  { versions = [] }: Sparse<CustomResourceDefinitionSpec>,
  documents: readonly JsonObject[],
): void {
  const names = versions.map(({ name = "" }) => name);
  names.forEach((name, i) => checkVersionName(errors, `spec.versions[${i}].name`, name));
  // The first version's name is the definition's in Kubernetes' own form.
  if (names[0] !== undefined && names[0] !== "") checkVersionName(errors, "spec.version", names[0]);
  const shown = versions.map(shownVersion);
  if (new Set(names).size < names.length) {
    errors.push(invalid("spec.versions", shown, "must contain unique version names"));
  }
  if (versions.filter(({ storage }) => storage === true).length !== 1) {
    errors.push(invalid("spec.versions", shown, "must have exactly one version marked as storage version"));
  }
  const pathOf = pathsOf(documents);
  const judged = new Set<string>();
  versions.forEach((version, i) => {
    const schema = objectAt(objectAt(documents[i] ?? {}, "schema") ?? {}, "openAPIV3Schema") as SchemaNode | undefined;
    if (schema === undefined) errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`));
    checkWarning(errors, `spec.versions[${i}].deprecationWarning`, version);
    const once = (field: string, check: (path: string) => void): void => {
      const path = pathOf(field, i);
      if (!judged.has(path)) check(path);
      judged.add(path);
    };
    const hasStatus = version.subresources?.status !== undefined;
    once("schema", (path) => {
      if (schema !== undefined) errors.push(...validateSchema(`${path}.openAPIV3Schema`, schema, hasStatus));
    });
    once("subresources", (path) => {
      const scale = version.subresources?.scale;
      if (scale !== undefined) checkScale(errors, `${path}.scale`, scale);
    });
    once("additionalPrinterColumns", (path) => checkColumns(errors, path, version.additionalPrinterColumns ?? []));
    once("selectableFields", (path) => checkSelectable(errors, path, version.selectableFields ?? [], schema));
  });
}

function checkVersionName(errors: Errors, path: string, name: string): void {
  const texts = dns1035Label(name);
  if (texts.length > 0) errors.push(invalid(path, name, texts.join(",")));
}

function checkWarning(errors: Errors, path: string, version: Sparse<CustomResourceDefinitionVersion>): void {
  const { deprecated = false, deprecationWarning } = version;
  if (deprecationWarning === undefined) return;
  if (!deprecated) errors.push(invalid(path, deprecationWarning, "can only be set for deprecated versions"));
  if (deprecationWarning.length > warningLengthMax) {
    errors.push(invalid(path, deprecationWarning, `must be <= ${warningLengthMax} characters long`));
  }
  if (deprecationWarning.trim() === "") errors.push(invalid(path, deprecationWarning, "must not be empty"));
}

/** Go's struct, of which the parts that are long are left out. */
function shownVersion(version: Sparse<CustomResourceDefinitionVersion>): JsonObject {
  return {
    Name: version.name ?? "",
    Served: version.served === true,
    Storage: version.storage === true,
    Deprecated: version.deprecated === true,
    DeprecationWarning: version.deprecationWarning ?? null,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  };
}

export function checkDefinitionNames(errors: Errors, path: string, names: Sparse<CustomResourceDefinitionNames>): void {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames = [], categories = [] } = names;
  const check = (field: string, value: string, mixedCase = false): void => {
    const texts = value === "" ? [] : dns1035Label(mixedCase ? value.toLowerCase() : value);
    if (texts.length === 0) return;
    const intro = mixedCase ? "may have mixed case, but should otherwise match: " : "";
    errors.push(invalid(`${path}.${field}`, value, intro + texts.join(",")));
  };
  check("plural", plural);
  check("singular", singular);
  check("kind", kind, true);
  check("listKind", listKind, true);
  for (const [field, values] of [
    ["shortNames", shortNames],
    ["categories", categories],
  ] as const) {
    values.forEach((value, i) => {
      const texts = dns1035Label(value);
      if (texts.length > 0) errors.push(invalid(`${path}.${field}[${i}]`, value, texts.join(",")));
    });
  }
  if (kind !== "" && kind === listKind) {
    errors.push(invalid(`${path}.listKind`, listKind, "kind and listKind may not be the same"));
  }
}

function checkConversion(errors: Errors, path: string, conversion: Sparse<CustomResourceConversion>): void {
  const { strategy = "", webhook } = conversion;
  if (strategy === "") errors.push(required(`${path}.strategy`));
  else if (strategy !== "None" && strategy !== "Webhook") {
    errors.push(notSupported(`${path}.strategy`, strategy, ["None", "Webhook"]));
  }
  const { clientConfig, conversionReviewVersions = [] } = webhook ?? {};
  if (strategy !== "Webhook") {
    if (clientConfig !== undefined) {
      errors.push(forbidden(`${path}.webhookClientConfig`, "should not be set when strategy is not set to Webhook"));
    }
    if (conversionReviewVersions.length > 0) {
      const text = "should not be set when strategy is not set to Webhook";
      errors.push(forbidden(`${path}.conversionReviewVersions`, text));
    }
    return;
  }
  if (clientConfig === undefined) {
    errors.push(required(`${path}.webhookClientConfig`, "required when strategy is set to Webhook"));
  } else checkWebhookClient(errors, `${path}.webhookClientConfig`, clientConfig);
  if (conversionReviewVersions.length === 0) errors.push(required(`${path}.conversionReviewVersions`));
  else if (!conversionReviewVersions.some((version) => version === "v1" || version === "v1beta1")) {
    const text = "must include at least one of v1, v1beta1";
    errors.push(invalid(`${path}.conversionReviewVersions`, conversionReviewVersions, text));
  }
}
