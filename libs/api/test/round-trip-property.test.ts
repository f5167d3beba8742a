// Random objects of every served kind through both wire forms: what one reader makes canonical stays as it is through
// JSON, through protobuf, and through both again; equal objects have equal bytes.
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { equalBytes, seededRng } from "@triarch/base";
import {
  apiVersionOf,
  decodeProtobuf,
  encodeProtobuf,
  fieldSchema,
  readStructure,
  resources,
  typeNameOfKind,
  type MutableObject,
  type ValueSchema,
} from "@triarch/api";
import { randomObject } from "./random-object.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);
const roundsPerKind = 40;

const kinds = [...new Map(resources.map((one) => [`${apiVersionOf(one)} ${one.kind}`, one])).values()];

t.test("every kind, JSON and protobuf", async (t) => {
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  for (const info of kinds) {
    const apiVersion = apiVersionOf(info);
    const typeName = typeNameOfKind(apiVersion, info.kind);
    if (typeName === undefined) continue;
    let differing = 0;
    for (let round = 0; round < roundsPerKind; round++) {
      const random: MutableObject = { apiVersion, kind: info.kind, ...randomObject(typeName, rng) };
      const { object: canonical, findings } = readStructure(typeName, random);
      const where = `${apiVersion} ${info.kind}, round ${round} of seed ${seed}`;
      if (findings.length > 0) t.same(findings, [], where);
      const again = readStructure(typeName, JSON.parse(JSON.stringify(canonical)) as MutableObject).object;
      if (JSON.stringify(again) !== JSON.stringify(canonical)) t.same(again, canonical, `JSON again: ${where}`);
      const bytes = encodeProtobuf(apiVersion, info.kind, canonical);
      const { object: decoded } = decodeProtobuf(bytes);
      if (!equalBytes(encodeProtobuf(apiVersion, info.kind, decoded), bytes)) t.fail(`other bytes: ${where}`);
      const back = readStructure(typeName, decoded).object;
      if (isDeepStrictEqual(back, canonical)) continue; // maps come in another order
      differing += 1;
      if (differing <= 1) t.same(back, canonical, `protobuf: ${where}`);
    }
    t.equal(differing, 0, `${apiVersion} ${info.kind}`);
  }
});

t.test("fields that protobuf does not carry are known", async (t) => {
  const reachable = new Set<string>();
  const visit = (typeName: string): void => {
    if (reachable.has(typeName)) return;
    reachable.add(typeName);
    for (const { value } of fieldSchema(typeName).values()) for (const inner of typesIn(value)) visit(inner);
  };
  for (const info of kinds) visit(typeNameOfKind(apiVersionOf(info), info.kind) ?? "");
  const without = [...reachable].flatMap((typeName) =>
    [...fieldSchema(typeName).values()]
      .filter(({ name, protoPath }) => protoPath.length === 0 && name !== "apiVersion" && name !== "kind")
      .map(({ name }) => `${typeName.split(".").slice(-3).join(".")}.${name}`),
  );
  // Alpha in this version and shaped otherwise in the next, which the field numbers are of.
  t.same(without.sort(), [
    "core.v1.NodeAllocatableResourceClaimStatus.resources",
    "resource.v1.Device.nodeAllocatableResourceMappings",
    "resource.v1.NodeAllocatableResourceMapping.allocationMultiplier",
    "resource.v1.NodeAllocatableResourceMapping.capacityKey",
  ]);
});

function typesIn(value: ValueSchema): readonly string[] {
  if (value.kind === "object") return [value.typeName];
  if (value.kind === "list") return typesIn(value.items);
  return value.kind === "map" ? typesIn(value.values) : [];
}
