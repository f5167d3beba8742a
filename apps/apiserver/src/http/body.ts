// Request bodies: JSON, YAML or Kubernetes' protobuf in, a document of the expected kind in canonical form out.
import {
  badRequest,
  childOf,
  decodeProtobuf,
  decodingErrorText,
  findingText,
  inTextOrder,
  type Finding,
  isObject,
  type JsonObject,
  type JsonValue,
  JsonSyntaxError,
  type MutableObject,
  objectAt,
  parseJson,
  ProtobufError,
  readStructure,
  StatusError,
  textAt,
  typeNameOfKind,
  unsupportedMediaType,
} from "@triarch/api";
import { utf8Text } from "@triarch/base";
import type { ApiRequest } from "./answer.ts";
import type { FieldValidation } from "./write-options.ts";
import { readYaml, YamlError } from "./yaml.ts";

export type BodyEncoding = "json" | "yaml" | "protobuf";

/** The kind that a path takes. */
export interface ExpectedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly typeName: string;
  /** True: options of a request, which clients send under any group's version. */
  readonly anyVersion?: boolean;
}

const bodyTypes: Readonly<Record<string, BodyEncoding>> = {
  "": "json",
  "application/json": "json",
  "application/yaml": "yaml",
  "application/vnd.kubernetes.protobuf": "protobuf",
};
const acceptedTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
/** Characters of a body that an error text shows. */
const shownCharactersMax = 30;

/** The content type without parameters, in lower case. */
export function contentTypeOf(request: ApiRequest): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** @throws StatusError 415 */
export function bodyEncoding(request: ApiRequest): BodyEncoding {
  const encoding = bodyTypes[contentTypeOf(request)];
  if (encoding === undefined) throw new StatusError(unsupportedMediaType(acceptedTypes));
  return encoding;
}

/**
 * Reads the body as `expected`. Kind and version may be absent; others are refused.
 * @throws StatusError 400 | 415
 */
export function decodeBody(request: ApiRequest, expected: ExpectedKind, validation: FieldValidation): MutableObject {
  const encoding = bodyEncoding(request);
  const parsed = parseBody(request.body, encoding, expected, validation);
  return asKind({ ...parsed, expected, validation, warnings: request.warnings });
}

export interface KindCheck {
  readonly document: JsonObject;
  readonly duplicates: readonly Finding[];
  /** What else only strict validation minds, as texts. */
  readonly strict?: readonly string[];
  /** The JSON that the document was read from, where there are duplicates. */
  readonly text?: string;
  readonly expected: ExpectedKind;
  readonly validation: FieldValidation;
  readonly warnings: string[];
}

/** A document that is in hand, in the canonical form of its kind. @throws StatusError 400 */
export function asKind(check: KindCheck): MutableObject {
  const { document, duplicates, strict = [], text = "", expected, validation, warnings } = check;
  checkKind(document, expected);
  const { object, findings } = readStructure(expected.typeName, document);
  const all = inTextOrder(text, duplicates, findings);
  const minded = [...strict, ...all.map(findingText)];
  const refused =
    validation === "Strict" && minded.length > 0 ? `strict decoding error: ${minded.join(", ")}` : undefined;
  const problem = decodingErrorText(all, false) ?? refused;
  if (problem !== undefined) throw new StatusError(badRequest(`${cannotHandle(expected)}: ${problem}`));
  if (validation === "Warn") warnings.push(...minded);
  return markedAs(expected, object, document);
}

/** The canonical form of a document with what the reader of structures leaves out. */
export function markedAs(expected: ExpectedKind, object: MutableObject, document: JsonObject): MutableObject {
  object["kind"] = expected.kind;
  object["apiVersion"] = expected.apiVersion;
  // Empty lists are left out of canonical documents; this one means that the managed fields are to be forgotten.
  const managedFields = objectAt(document, "metadata")?.["managedFields"];
  if (Array.isArray(managedFields) && managedFields.length === 0) childOf(object, "metadata")["managedFields"] = [];
  return object;
}

function parseBody(
  body: Uint8Array,
  encoding: BodyEncoding,
  expected: ExpectedKind,
  validation: FieldValidation,
): Pick<KindCheck, "document" | "duplicates" | "strict" | "text"> {
  if (encoding === "protobuf") return { document: readProtobuf(body), duplicates: [] };
  const text = utf8Text(body);
  try {
    if (encoding === "yaml") {
      const { value, duplicates } = readYaml(text);
      return { document: objectOf(value), duplicates: [], strict: duplicates === undefined ? [] : [duplicates] };
    }
    const { value, duplicates } = parseJson(text, { findDuplicates: validation !== "Ignore" });
    return { document: objectOf(value), duplicates, text };
  } catch (error) {
    if (error instanceof YamlError) {
      throw new StatusError(badRequest(`error converting YAML to JSON: ${error.message}`), { cause: error });
    }
    if (!(error instanceof JsonSyntaxError)) throw error;
    const message = `the object provided is unrecognized (must be of type ${expected.kind}): couldn't get version/kind; json parse error: ${error.message} (${shown(body)})`;
    throw new StatusError(badRequest(message));
  }
}

/** Go reads `null` as an object without fields. */
function objectOf(value: JsonValue): JsonObject {
  if (isObject(value)) return value;
  if (value === null) return {};
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  throw new JsonSyntaxError(`json: cannot unmarshal ${type} into Go value of type struct`);
}

function readProtobuf(body: Uint8Array): JsonObject {
  try {
    return decodeProtobuf(body).object;
  } catch (error) {
    if (error instanceof ProtobufError) throw new StatusError(badRequest(error.message), { cause: error });
    throw error;
  }
}

function checkKind(document: JsonObject, expected: ExpectedKind): void {
  const other = otherKind(document, expected);
  if (other !== undefined) throw new StatusError(badRequest(`${other.what}: ${other.why}`));
}

/** Why a document can't be `expected`: it says that it is of another kind or version. */
export function otherKind(
  document: JsonObject,
  expected: ExpectedKind,
): { readonly what: string; readonly why: string } | undefined {
  const [apiVersion, kind] = [textAt(document, "apiVersion"), textAt(document, "kind")];
  const versionFits = apiVersion === "" || apiVersion === expected.apiVersion || expected.anyVersion === true;
  if (versionFits && (kind === "" || kind === expected.kind)) return undefined;
  const given = { apiVersion: apiVersion || expected.apiVersion, kind: kind || expected.kind };
  const known = typeNameOfKind(given.apiVersion, given.kind) !== undefined;
  const what = `${given.kind} in version ${JSON.stringify(versionOf(given.apiVersion))} cannot be handled as a ${expected.kind}`;
  const group = groupOf(expected.apiVersion);
  const why = known
    ? `converting (${versionOf(given.apiVersion)}.${given.kind}) to (${group}.${expected.kind}): unknown conversion`
    : `no kind ${JSON.stringify(given.kind)} is registered for version ${JSON.stringify(given.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`;
  return { what, why };
}

function cannotHandle({ kind, apiVersion }: ExpectedKind): string {
  return `${kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${kind}`;
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.lastIndexOf("/") + 1);
}

/** The first label of the group, as Go packages are named; `core` for the nameless one. */
function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? ((apiVersion.split("/")[0] ?? "").split(".")[0] ?? "") : "core";
}

/** What an error shows of a body: text for what begins like JSON, else hexadecimal. */
function shown(body: Uint8Array): string {
  if (body.length === 0) return "<empty>";
  const text =
    body[0] === 0x7b
      ? utf8Text(body.subarray(0, shownCharactersMax))
      : Buffer.from(body.subarray(0, shownCharactersMax)).toString("hex");
  return body.length > shownCharactersMax ? `${text} ...` : text;
}
