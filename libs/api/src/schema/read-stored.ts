// Objects that another server wrote: as Kubernetes does when it reads its store, what has no value gets its default, and
// what is stored in an older version of its kind is brought into the one that is served.
import { utf8TextStrict } from "@triarch/base";
import { applyDefaults } from "../defaults/defaults.ts";
import { type MutableObject, textAt } from "../meta/mutable.ts";
import { decodeProtobuf, isProtobuf, type ProtobufDocument } from "../protobuf/envelope.ts";
import { betaDefinitionVersion, definitionFromBeta } from "./definition-versions.ts";

/**
 * Reads a stored value: Kubernetes' protobuf envelope, or JSON.
 * @throws ProtobufError | Error for bytes that are neither
 */
export function decodeStored(value: Uint8Array): ProtobufDocument {
  const decoded = isProtobuf(value) ? decodeProtobuf(value).object : parseObject(value);
  const isBeta = textAt(decoded, "apiVersion") === betaDefinitionVersion;
  const object = isBeta ? definitionFromBeta(decoded) : decoded;
  const [apiVersion, kind] = [textAt(object, "apiVersion"), textAt(object, "kind")];
  applyDefaults(apiVersion, kind, object);
  return { kind, apiVersion, object };
}

function parseObject(value: Uint8Array): MutableObject {
  const parsed: unknown = JSON.parse(utf8TextStrict(value));
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("not a JSON object");
  return parsed as MutableObject;
}
