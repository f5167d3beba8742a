// Picks the form of an answer from an Accept header: JSON where it will do, else YAML or protobuf, plain or as one of
// the two views that every resource has.
import { failure, StatusError } from "@triarch/api";

export type Encoding = "json" | "yaml" | "protobuf";
export type View =
  | { readonly kind: "plain" }
  | { readonly kind: "table"; readonly apiVersion: string }
  /** `isList`: what was asked for is a list of metadata. */
  | { readonly kind: "metadata"; readonly apiVersion: string; readonly isList: boolean };

export interface Form {
  readonly encoding: Encoding;
  readonly view: View;
}

export const plainJson: Form = { encoding: "json", view: { kind: "plain" } };
/** Clauses read of one header; what stands after them is not looked at. */
const clausesMax = 64;
const metaGroup = "meta.k8s.io";
const encodings: Readonly<Record<string, Encoding>> = {
  "application/json": "json",
  "application/*": "json",
  "*/*": "json",
  "application/yaml": "yaml",
  "application/vnd.kubernetes.protobuf": "protobuf",
};

interface Clause {
  readonly mediaType: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/**
 * The first clause that can be served wins, by quality, then order. Protobuf gives way to JSON when both are named:
 * clients read the answer's own content type, and JSON is what is stored.
 * @throws StatusError 406
 */
export function negotiate(accept: string | undefined): Form {
  return choose(accept, () => true) ?? refuse(representations);
}

/** As `negotiate`, for what has no table: a review is an answer, not an object among others. @throws StatusError 406 */
export function negotiateWithoutTable(accept: string | undefined): Form {
  return choose(accept, ({ view }) => view.kind !== "table") ?? refuse(representations);
}

/** As `negotiate`, for a watch: YAML has no form of one. @throws StatusError 406 */
export function negotiateWatch(accept: string | undefined): Form {
  return choose(accept, ({ encoding }) => encoding !== "yaml") ?? refuse(watchRepresentations);
}

function choose(accept: string | undefined, isServed: (form: Form) => boolean): Form | undefined {
  if (accept === undefined || accept.trim() === "") return plainJson;
  const forms = parseAccept(accept)
    .map(formOf)
    .filter((form) => form !== undefined)
    .filter(isServed);
  return forms.find(({ encoding }) => encoding !== "protobuf") ?? forms[0];
}

/** A view that the answer has no form of: metadata of one object where there is a list, or the other way round. */
export function refuseView(view: "PartialObjectMetadata" | "PartialObjectMetadataList", typeName: string): never {
  const what = view === "PartialObjectMetadata" ? "is a list" : "is not a list";
  const message = `you requested ${view}, but the requested object ${what} (${typeName})`;
  throw new StatusError(failure(406, "NotAcceptable", message));
}

export function parseAccept(accept: string): readonly Clause[] {
  const clauses: Clause[] = [];
  for (const text of accept.split(",", clausesMax)) {
    const [mediaType = "", ...rest] = text.split(";").map((part) => part.trim());
    if (mediaType === "") continue;
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const equals = parameter.indexOf("=");
      if (equals > 0) parameters.set(parameter.slice(0, equals).toLowerCase(), parameter.slice(equals + 1));
    }
    const quality = Number(parameters.get("q") ?? 1);
    clauses.push({ mediaType: mediaType.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 1 });
  }
  return clauses.sort((left, right) => right.quality - left.quality);
}

function formOf({ mediaType, parameters, quality }: Clause): Form | undefined {
  const encoding = encodings[mediaType];
  if (encoding === undefined || quality === 0) return undefined;
  const as = parameters.get("as");
  if (as === undefined) return { encoding, view: { kind: "plain" } };
  const version = parameters.get("v");
  if (parameters.get("g") !== metaGroup || (version !== "v1" && version !== "v1beta1")) return undefined;
  const apiVersion = `${metaGroup}/${version}`;
  // Tables have no protobuf form.
  if (as === "Table") return encoding === "protobuf" ? undefined : { encoding, view: { kind: "table", apiVersion } };
  if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") {
    return { encoding, view: { kind: "metadata", apiVersion, isList: as === "PartialObjectMetadataList" } };
  }
  return undefined;
}

const watchRepresentations = ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];
const representations = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  ...watchRepresentations,
];

function refuse(available: readonly string[]): never {
  const message = `406: Not Acceptable\n\nAvailable representations: ${available.join(", ")}`;
  throw new StatusError(failure(406, "NotAcceptable", message, {}));
}
