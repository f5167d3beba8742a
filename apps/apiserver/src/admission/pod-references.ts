// What of the API a pod's spec refers to, as the words of a refusal: secrets, configmaps, accounts, claims.
import { isObject, type JsonObject, listAt, textAt } from "@triarch/api";

const secretFields = new Set(["secret", "secretRef", "secretKeyRef", "nodePublishSecretRef", "azureFile"]);
const configMapFields = new Set(["configMap", "configMapRef", "configMapKeyRef"]);

/** In the order in which they are refused; each once. Cost: O(size of the spec). */
export function referencesOf(spec: JsonObject): readonly string[] {
  const fields = new Set(fieldNames(spec));
  const has = (names: ReadonlySet<string>): boolean => [...names].some((name) => fields.has(name));
  return [
    ...(textAt(spec, "serviceAccountName") === "" ? [] : ["a service account"]),
    ...(has(secretFields) || listAt(spec, "imagePullSecrets").length > 0 ? ["secrets"] : []),
    ...(has(configMapFields) ? ["configmaps"] : []),
    ...(fields.has("clusterTrustBundle") ? ["clustertrustbundles"] : []),
    ...(fields.has("persistentVolumeClaim") ? ["persistentvolumeclaims"] : []),
  ];
}

/** Names of all fields of volumes and of the containers' environments: no other place can hold a reference. */
function fieldNames(spec: JsonObject): readonly string[] {
  const containers = ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => listAt(spec, list));
  const places = [
    ...listAt(spec, "volumes"),
    ...containers.filter(isObject).flatMap((one) => [...listAt(one, "env"), ...listAt(one, "envFrom")]),
  ];
  return places.flatMap(namesWithin);
}

function namesWithin(value: JsonObject[string]): readonly string[] {
  if (Array.isArray(value)) return (value as readonly JsonObject[string][]).flatMap(namesWithin);
  if (!isObject(value)) return [];
  // Data of volumes, not fields: labels and attributes may have any name.
  const own = Object.keys(value).filter((key) => value[key] !== undefined && value[key] !== null);
  return [...own, ...own.filter((key) => key !== "volumeAttributes").flatMap((key) => namesWithin(value[key]))];
}
