// What a patch makes of an object, read like a body. A patch that can't be read is 400; one that makes something unreadable
// is 422, and the answer shows the patch (strategic ones) or what came of it (the others).
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  fieldSchema,
  type Finding,
  findingText,
  goValueText,
  isObject,
  type JsonObject,
  type JsonValue,
  JsonSyntaxError,
  jsonTypeName,
  malformedPatch,
  type MutableObject,
  parseJson,
  type PatchError,
  readStructure,
  StatusError,
  unreadablePatch,
  unsupportedPatchType,
} from "@triarch/api";
import { utf8Text } from "@triarch/base";
import type { ApiRequest } from "../http/answer.ts";
import { contentTypeOf, type ExpectedKind, markedAs, otherKind } from "../http/body.ts";
import type { FieldValidation } from "../http/write-options.ts";

/** @throws StatusError 400 | 413 | 415 | 422 */
export type ApplyPatch = (current: JsonObject) => MutableObject;

const operationFields: ReadonlySet<string> = new Set(["op", "path", "from", "value"]);

/** The patch in the body as a function; how it is written is the content type's to say. */
export function readPatch(request: ApiRequest, expected: ExpectedKind, validation: FieldValidation): ApplyPatch {
  switch (contentTypeOf(request)) {
    case "application/json-patch+json": {
      const { patch, strict } = jsonPatch(parsePatch(request.body, validation, "error decoding patch: "), validation);
      return (current) => {
        const document = applyJsonPatch(current, patch);
        const refuse = (problem: string): PatchError => unreadablePatch(JSON.stringify(document), problem);
        return read({ document, strict, expected, validation, warnings: request.warnings, refuse });
      };
    }
    case "application/merge-patch+json": {
      const { value, strict } = parsePatch(request.body, validation, "error decoding patch: ");
      if (value === null) throw malformedPatch("Invalid JSON Patch");
      return (current) => {
        const document = applyMergePatch(current, value);
        const refuse = (problem: string): PatchError => unreadablePatch(JSON.stringify(document), problem);
        return read({ document, strict, expected, validation, warnings: request.warnings, refuse });
      };
    }
    case "application/strategic-merge-patch+json": {
      const { value, strict } = parsePatch(request.body, validation, "");
      return (current) => {
        const { kind, apiVersion } = expected;
        // Which kind it is, the path says: another one in the patch counts for nothing.
        const merged = applyStrategicMergePatch(current, value ?? {}, expected.typeName, fieldSchema);
        const refuse = (problem: string): PatchError => unreadablePatch(goValueText(value), problem);
        const document = { ...merged, kind, apiVersion };
        return read({ document, strict, expected, validation, warnings: request.warnings, refuse, converted: true });
      };
    }
    default:
      throw new StatusError(unsupportedPatchType());
  }
}

interface ParsedPatch {
  readonly value: JsonValue;
  /** What only strict validation minds in the patch itself: keys that come twice. */
  readonly strict: readonly string[];
}

function parsePatch(body: Uint8Array, validation: FieldValidation, prefix: string): ParsedPatch {
  try {
    const { value, duplicates } = parseJson(utf8Text(body), { findDuplicates: validation !== "Ignore" });
    return { value, strict: duplicates.map(findingText) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw malformedPatch(`${prefix}${error.message}`);
    throw error;
  }
}

/** `null` is a patch of no operations; what operations do not know is minded like unknown fields. */
function jsonPatch(
  { value, strict }: ParsedPatch,
  validation: FieldValidation,
): { readonly patch: JsonValue; readonly strict: readonly string[] } {
  const patch = value ?? [];
  if (validation === "Ignore" && !Array.isArray(patch)) {
    const type = jsonTypeName(patch);
    throw malformedPatch(`json: cannot unmarshal ${type} into Go value of type jsonpatch.Patch`);
  }
  const operations = Array.isArray(patch) ? (patch as readonly JsonValue[]) : [];
  const unknown = operations.flatMap((operation, i) =>
    Object.keys(isObject(operation) ? operation : {})
      .filter((field) => !operationFields.has(field))
      .map((field) => findingText({ kind: "unknownField", path: `[${i}].${field}` })),
  );
  return { patch, strict: [...strict, ...unknown].map((text) => `json patch ${text}`) };
}

interface Patched {
  readonly document: JsonObject;
  readonly strict: readonly string[];
  readonly expected: ExpectedKind;
  readonly validation: FieldValidation;
  readonly warnings: string[];
  readonly refuse: (problem: string) => PatchError;
  /** Strategic merge patches: their words for a wrong type, and unknown fields in the order of their names. */
  readonly converted?: true;
}

function read({ document, strict, expected, validation, warnings, refuse, converted }: Patched): MutableObject {
  const other = otherKind(document, expected);
  if (other !== undefined) throw refuse(other.why);
  const { object, findings } = readStructure(expected.typeName, document);
  const wrong = findings.find((finding) => finding.kind === "wrongType");
  if (wrong !== undefined) throw refuse(converted === true ? wrong.conversion : wrong.message);
  const minded = [...strict, ...textsOf(findings, converted === true)];
  if (validation === "Strict" && minded.length > 0) throw refuse(`strict decoding error: ${minded.join(", ")}`);
  if (validation === "Warn") warnings.push(...minded.filter((text) => !warnings.includes(text)));
  return markedAs(expected, object, document);
}

function textsOf(findings: readonly Finding[], sorted: boolean): readonly string[] {
  const texts = findings.map(findingText);
  return sorted ? texts.sort() : texts;
}
