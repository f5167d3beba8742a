// Objects that another server wrote: as Kubernetes does when it reads its store, what has no value gets its default, and
// what is stored in an older version of its kind is brought into the one that is served.
import { applyDefaults } from "../defaults/defaults.ts";
import { textAt } from "../meta/mutable.ts";
import { decodeProtobuf, type ProtobufDocument } from "../protobuf/envelope.ts";
import { betaDefinitionVersion, definitionFromBeta } from "./definition-versions.ts";

/**
 * Reads a stored value in Kubernetes' protobuf envelope.
 * @throws ProtobufError
 */
export function decodeStored(value: Uint8Array): ProtobufDocument {
  const { kind, apiVersion, object: decoded } = decodeProtobuf(value);
  const object = apiVersion === betaDefinitionVersion ? definitionFromBeta(decoded) : decoded;
  const served = textAt(object, "apiVersion");
  applyDefaults(served, kind, object);
  return { kind, apiVersion: served, object };
}
