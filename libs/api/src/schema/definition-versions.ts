// CustomResourceDefinitions are served as v1. A real cluster's store holds them as v1beta1, where what all versions have
// in common stands beside the list of versions instead of in each of them.
import type { JsonObject } from "../json.ts";
import { childOf, deepCopy, deepCopyValue, isObject, listAt, type MutableObject, objectAt } from "../meta/mutable.ts";

export const betaDefinitionVersion = "apiextensions.k8s.io/v1beta1";
const current = "apiextensions.k8s.io/v1";
/** Of a definition as a whole in v1beta1; of each version in v1. */
const shared: readonly (readonly [beta: string, current: string])[] = [
  ["validation", "schema"],
  ["subresources", "subresources"],
  ["additionalPrinterColumns", "additionalPrinterColumns"],
  ["selectableFields", "selectableFields"],
];

/** A converted copy. */
export function definitionFromBeta(object: JsonObject): MutableObject {
  const next = deepCopy(object);
  next["apiVersion"] = current;
  const spec = childOf(next, "spec");
  const versions = listAt(spec, "versions").filter(isObject).map(deepCopy);
  if (versions.length === 0) versions.push({ name: spec["version"] ?? "", served: true, storage: true });
  for (const version of versions) {
    for (const [beta, own] of shared) {
      const value = spec[beta];
      if (version[own] === undefined && value !== undefined) version[own] = deepCopyValue(value);
    }
    for (const column of listAt(version, "additionalPrinterColumns").filter(isObject) as MutableObject[]) {
      if (column["JSONPath"] === undefined) continue;
      column["jsonPath"] = column["JSONPath"];
      delete column["JSONPath"];
    }
  }
  for (const [beta] of shared) delete spec[beta];
  delete spec["version"];
  if (spec["preserveUnknownFields"] !== true) delete spec["preserveUnknownFields"];
  spec["versions"] = versions;
  convertConversion(spec);
  return next;
}

function convertConversion(spec: MutableObject): void {
  if (objectAt(spec, "conversion") === undefined) return;
  const conversion = childOf(spec, "conversion");
  const { webhookClientConfig: clientConfig, conversionReviewVersions } = conversion;
  if (clientConfig !== undefined) {
    conversion["webhook"] = {
      clientConfig,
      ...(conversionReviewVersions === undefined ? {} : { conversionReviewVersions }),
    };
  }
  delete conversion["webhookClientConfig"];
  delete conversion["conversionReviewVersions"];
}
