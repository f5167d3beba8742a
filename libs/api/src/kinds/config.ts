// ConfigMaps, Secrets and ServiceAccounts.
import { utf8 } from "@triarch/base";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "../meta/field-error.ts";
import { childOf, deepEqual, type MutableObject, objectAt, textAt } from "../meta/mutable.ts";
import { configMapKey } from "../meta/names.ts";
import { checkText, type Errors, immutable } from "../validation/basics.ts";
import { base64Bytes, base64Text } from "../protobuf/base64.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

/** Most bytes of all values of one ConfigMap or Secret. */
const dataSizeBytesMax = 1024 * 1024;
const fixedText = "field is immutable when `immutable` is set";

export const configMaps: KindStrategy = defineStrategy({
  namespaced: true,
  validate: (object) => {
    const errors: Errors = [];
    const [data, binary] = [objectAt(object, "data") ?? {}, objectAt(object, "binaryData") ?? {}];
    let sizeBytes = 0;
    for (const key of Object.keys(data)) {
      checkText(errors, `data[${key}]`, key, configMapKey);
      if (Object.hasOwn(binary, key))
        errors.push(invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
      sizeBytes += utf8(textAt(data, key)).length;
    }
    for (const key of Object.keys(binary)) {
      checkText(errors, `binaryData[${key}]`, key, configMapKey);
      sizeBytes += decodedLength(textAt(binary, key));
    }
    if (sizeBytes > dataSizeBytesMax) errors.push(tooLong("", dataSizeBytesMax));
    return errors;
  },
  validateChange: (next, old) => fixedChange(next, old, ["data", "binaryData"]),
});

export const secrets: KindStrategy = defineStrategy({
  namespaced: true,
  selectorFields: ["type"],
  selectorValues: (object) => ({ type: textAt(object, "type") }),
  prepareCreate: foldStringData,
  prepareUpdate: (next) => foldStringData(next),
  validate: (object) => {
    const errors: Errors = [];
    const data = objectAt(object, "data") ?? {};
    let sizeBytes = 0;
    for (const key of Object.keys(data)) {
      checkText(errors, `data[${key}]`, key, configMapKey);
      sizeBytes += decodedLength(textAt(data, key));
    }
    if (sizeBytes > dataSizeBytesMax) errors.push(tooLong("data", dataSizeBytesMax));
    checkSecretType(errors, object, data);
    return errors;
  },
  validateChange: (next, old) => {
    const type = textAt(next, "type");
    const changed = type !== textAt(old, "type") ? [immutable("type", type)] : [];
    return [...changed, ...fixedChange(next, old, ["data"])];
  },
});

export const serviceAccounts: KindStrategy = defineStrategy({ namespaced: true });

/** `stringData` is for writing only: its texts become values of `data`. */
function foldStringData(object: MutableObject): void {
  const texts = objectAt(object, "stringData");
  delete object["stringData"];
  if (texts === undefined || Object.keys(texts).length === 0) return;
  const data = childOf(object, "data");
  for (const key of Object.keys(texts)) data[key] = base64Text(utf8(textAt(texts, key)));
}

/** Keys that a type demands. */
const keysOfType: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
};

function checkSecretType(errors: Errors, object: JsonObject, data: JsonObject): void {
  const type = textAt(object, "type");
  for (const key of keysOfType[type] ?? []) {
    if (!Object.hasOwn(data, key)) errors.push(required(`data[${key}]`));
    else if (key.startsWith(".docker") && !isJson(textAt(data, key))) {
      errors.push(invalid(`data[${key}]`, "<secret contents redacted>", "invalid character in JSON"));
    }
  }
  if (type === "kubernetes.io/ssh-auth" && textAt(data, "ssh-privatekey") === "") {
    errors.push(required("data[ssh-privatekey]"));
  }
  if (type === "kubernetes.io/basic-auth" && !Object.hasOwn(data, "username") && !Object.hasOwn(data, "password")) {
    errors.push(required("data[username]"), required("data[password]"));
  }
  if (type === "kubernetes.io/service-account-token") {
    const annotations = objectAt(objectAt(object, "metadata") ?? {}, "annotations");
    const key = "kubernetes.io/service-account.name";
    if (textAt(annotations, key) === "") errors.push(required(`metadata.annotations[${key}]`));
  }
}

function fixedChange(next: JsonObject, old: JsonObject, fields: readonly string[]): readonly FieldError[] {
  if (old["immutable"] !== true) return [];
  const errors: Errors = [];
  if (next["immutable"] !== true) errors.push(forbidden("immutable", fixedText));
  for (const field of fields) {
    if (!deepEqual(objectAt(next, field) ?? {}, objectAt(old, field) ?? {})) errors.push(forbidden(field, fixedText));
  }
  return errors;
}

/** An object, or `null`. */
function isJson(base64: string): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(base64Bytes(base64)));
    return typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}

function decodedLength(base64: string): number {
  return Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
}
