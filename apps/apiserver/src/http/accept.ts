// Picks the form of an answer from an Accept header: JSON where it will do, else YAML or protobuf, plain or as one of
// the two views that every resource has.
import { failure, StatusError } from "@triarch/api";

export type Encoding = "json" | "yaml" | "protobuf";
export type View =
  | { readonly kind: "plain" }
  | { readonly kind: "table"; readonly apiVersion: string }
  | { readonly kind: "metadata"; readonly apiVersion: string };

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
  if (accept === undefined || accept.trim() === "") return plainJson;
  const clauses = parseAccept(accept);
  const forms = clauses.map(formOf).filter((form) => form !== undefined);
  const form = forms.find(({ encoding }) => encoding !== "protobuf") ?? forms[0];
  if (form === undefined) throw new StatusError(notAcceptableStatus());
  return form;
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
  if (as === "Table") return { encoding, view: { kind: "table", apiVersion } };
  if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") {
    return { encoding, view: { kind: "metadata", apiVersion } };
  }
  return undefined;
}

const representations = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
];

function notAcceptableStatus() {
  const message = `406: Not Acceptable\n\nAvailable representations: ${representations.join(", ")}`;
  return failure(406, "NotAcceptable", message, {});
}
