// Recorded answers of a real API server, where a checkout of them lies beside the repository. Tests that use them skip by
// name where it does not.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "@triarch/api";

const folder = join(import.meta.dirname, "../../../../shared/kubernetes/recorded");

export interface Exchange {
  readonly group: string;
  readonly step: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly body?: JsonValue;
    readonly mutation?: {
      readonly base: string;
      readonly path: readonly (string | number)[];
      readonly op: string;
      readonly value?: JsonValue;
    };
  };
  readonly response: { readonly status: number; readonly body?: JsonObject };
}

export const recordedMissing = existsSync(folder) ? false : "no recorded answers beside the repository";

export function exchanges(groupPrefix: string): readonly Exchange[] {
  return lines("conversations.jsonl")
    .map((line) => JSON.parse(line) as Exchange)
    .filter((exchange) => exchange.group.startsWith(groupPrefix));
}

/** What a real server answered for each object of its store. */
export function clusterObjects(): readonly JsonObject[] {
  return lines("cluster/objects.jsonl").map((line) => (JSON.parse(line) as { object: JsonObject }).object);
}

export function clusterSnapshot(): Uint8Array {
  return readFileSync(join(folder, "cluster/snapshot.db"));
}

/** The body of an exchange that changes one field of an earlier step's object. */
export function mutated(base: JsonValue, mutation: NonNullable<Exchange["request"]["mutation"]>): JsonValue {
  const copy = structuredClone(base) as Record<string | number, unknown>;
  let parent = copy;
  for (const key of mutation.path.slice(0, -1)) parent = (parent[key] ??= {}) as Record<string | number, unknown>;
  const last = mutation.path.at(-1) ?? "";
  if (mutation.op !== "remove") parent[last] = mutation.value;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else Reflect.deleteProperty(parent, last);
  return copy as JsonValue;
}

function lines(file: string): readonly string[] {
  return readFileSync(join(folder, file), "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
