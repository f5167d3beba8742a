// Matches the JSON fields of a definition with protobuf fields. Three things stand between them: messages that JSON inlines
// (`Volume.volumeSource`), names that differ in case (`Webhooks`, `uID`), and a group whose numbers the table lacks.
import type { Definition, ProtoTable } from "./facts.ts";

export interface ProtoLocation {
  /** Field numbers from the outer message down through inlined ones. */
  readonly path: readonly number[];
  readonly type: string;
  /** The definition name of the message that declares the field. */
  readonly owner: string;
  /** Go's name of the inlined struct, dotted if nested; empty if the field is the message's own. */
  readonly inlined: string;
}

/** kube-aggregator's messages; field 6 of the spec was dropped long ago. */
const aggregatorMessages: ProtoTable = {
  APIService: { metadata: [1, "ObjectMeta"], spec: [2, "APIServiceSpec"], status: [3, "APIServiceStatus"] },
  APIServiceList: { metadata: [1, "ListMeta"], items: [2, "repeated APIService"] },
  APIServiceSpec: {
    service: [1, "ServiceReference"],
    group: [2, "string"],
    version: [3, "string"],
    insecureSkipTLSVerify: [4, "bool"],
    caBundle: [5, "bytes"],
    groupPriorityMinimum: [7, "int32"],
    versionPriority: [8, "int32"],
  },
  APIServiceStatus: { conditions: [1, "repeated APIServiceCondition"] },
  APIServiceCondition: {
    type: [1, "string"],
    status: [2, "string"],
    lastTransitionTime: [3, "Time"],
    reason: [4, "string"],
    message: [5, "string"],
  },
  ServiceReference: { namespace: [1, "string"], name: [2, "string"], port: [3, "int32"] },
};

const jsonSchemaNames: Readonly<Record<string, string>> = {
  schema: "$schema",
  ref: "$ref",
  xKubernetesPreserveUnknownFields: "x-kubernetes-preserve-unknown-fields",
  xKubernetesEmbeddedResource: "x-kubernetes-embedded-resource",
  xKubernetesIntOrString: "x-kubernetes-int-or-string",
  xKubernetesListMapKeys: "x-kubernetes-list-map-keys",
  xKubernetesListType: "x-kubernetes-list-type",
  xKubernetesMapType: "x-kubernetes-map-type",
  xKubernetesValidations: "x-kubernetes-validations",
};

/** What an inlined message is called in Go where it is not the message's own name. */
const shortName = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

function messageName(definition: string): string {
  return definition.replace(/^io\.k8s\./, "k8s.io.").replace("apiextensions-apiserver", "apiextensions_apiserver");
}

function messageOf(protobuf: ProtoTable, name: string): ProtoTable[string] | undefined {
  return name.includes("kube-aggregator") ? aggregatorMessages[shortName(name)] : protobuf[name];
}

/** @returns per definition, its fields in the message's own order */
export function protoLocations(
  definitions: Readonly<Record<string, Definition>>,
  protobuf: ProtoTable,
): Map<string, Map<string, ProtoLocation>> {
  const all = new Map<string, Map<string, ProtoLocation>>();
  for (const [name, definition] of Object.entries(definitions)) {
    const known = new Set(Object.keys(definition.properties ?? {}));
    const located = new Map<string, ProtoLocation>();
    const visit = (message: string, path: readonly number[], inlined: readonly string[]): void => {
      for (const [protoField, [number, type]] of Object.entries(messageOf(protobuf, message) ?? {})) {
        const candidates = [
          protoField,
          protoField[0]?.toLowerCase() + protoField.slice(1),
          jsonSchemaNames[protoField] ?? "",
          protoField.replace(/^uID$/, "uid").replace(/^aPIGroup$/, "apiGroup"),
        ];
        const field = candidates.find((candidate) => known.has(candidate) && !located.has(candidate));
        if (field !== undefined) {
          const owner = message
            .replace(/^k8s\.io\./, "io.k8s.")
            .replace("apiextensions_apiserver", "apiextensions-apiserver");
          located.set(field, { path: [...path, number], type, owner, inlined: inlined.join(".") });
          continue;
        }
        const target = type.startsWith(".") ? type.slice(1) : `${message.slice(0, message.lastIndexOf("."))}.${type}`;
        const inner = protobuf[target];
        if (inner === undefined || type.startsWith("repeated") || type.startsWith("map<")) continue;
        const isInlined = Object.keys(inner).some(
          (innerField) =>
            known.has(innerField) ||
            protobuf[`${target.slice(0, target.lastIndexOf("."))}.Rule`] === protobuf[target] ||
            shortName(target) === "RuleWithOperations",
        );
        if (isInlined) visit(target, [...path, number], [...inlined, shortName(target)]);
      }
    };
    visit(messageName(name), [], []);
    all.set(name, located);
  }
  return all;
}
