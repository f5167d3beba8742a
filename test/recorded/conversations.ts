// Recorded conversations with a real kube-apiserver, where a checkout of them lies beside the repository. Each is sent to
// a server of ours in its order; later requests use values of earlier answers of the same group.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "@triarch/api";

export const recordedFolder = join(import.meta.dirname, "../../../shared/kubernetes/recorded");
export const recordedMissing = existsSync(recordedFolder) ? false : "no recorded answers beside the repository";

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: JsonValue;
  readonly contentType?: string;
  readonly accept?: string;
  /** The body is that of an earlier step with one field changed. */
  readonly mutation?: Mutation;
  /** Waited before, where the server itself fills in a status. */
  readonly pauseMs?: number;
}

export interface Mutation {
  readonly base: string;
  readonly path: readonly (string | number)[];
  readonly op: string;
  readonly value?: JsonValue;
}

export interface Exchange {
  readonly group: string;
  readonly step: string;
  /** True: what comes before; its answer is not judged. */
  readonly setup?: boolean;
  readonly request: RecordedRequest;
  readonly response: { readonly status: number; readonly body?: JsonValue };
}

export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly accept: string;
  /** Undefined: none. */
  readonly body: string | undefined;
}

export interface GivenAnswer {
  /** 0: there was no answer. */
  readonly status: number;
  readonly text: string;
}

export type Send = (request: SentRequest) => Promise<GivenAnswer>;

export function readConversations(groupPrefix = ""): readonly Exchange[] {
  return readFileSync(join(recordedFolder, "conversations.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Exchange)
    .filter(({ group }) => group === "set-up" || group.startsWith(groupPrefix));
}

/** Sends all exchanges in order and hands each answer to `judge`. */
export async function replay(
  exchanges: readonly Exchange[],
  send: Send,
  judge: (exchange: Exchange, answer: GivenAnswer) => void,
): Promise<void> {
  let answers = new Map<string, JsonValue>();
  let group = "";
  for (const exchange of exchanges) {
    if (exchange.group !== group) answers = new Map();
    group = exchange.group;
    const { request, step } = exchange;
    if (request.pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, request.pauseMs));
    const answer = await send(sentRequest(request, answers));
    const kept = step === "base object" ? request.body : parseDocument(answer.text);
    if (kept === undefined) answers.delete(step);
    else answers.set(step, kept);
    if (exchange.setup !== true) judge(exchange, answer);
  }
}

function sentRequest(request: RecordedRequest, answers: ReadonlyMap<string, JsonValue>): SentRequest {
  const { method, path, mutation, contentType = "application/json", accept = "application/json" } = request;
  const body = mutation === undefined ? filled(request.body, answers) : mutated(answers.get(mutation.base), mutation);
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return { method, path: filledText(path, answers), contentType, accept, body: text };
}

/** `{{uid of STEP}}` is that field of the metadata of an earlier answer. */
function filledText(text: string, answers: ReadonlyMap<string, JsonValue>): string {
  return text.replace(/\{\{(\w+) of ([^}]+)\}\}/g, (_, field: string, step: string) => {
    const metadata = (answers.get(step) as JsonObject | undefined)?.["metadata"] as JsonObject | undefined;
    const value = metadata?.[field];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  });
}

function filled(value: JsonValue | undefined, answers: ReadonlyMap<string, JsonValue>): JsonValue | undefined {
  if (typeof value === "string") return filledText(value, answers);
  if (Array.isArray(value)) return (value as JsonValue[]).map((item) => filled(item, answers) ?? null);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, filled(field, answers)]));
}

function mutated(base: JsonValue | undefined, { path, op, value }: Mutation): JsonValue {
  const copy = structuredClone(base ?? {}) as Record<string | number, unknown>;
  let parent = copy;
  for (const key of path.slice(0, -1)) parent = (parent[key] ??= {}) as Record<string | number, unknown>;
  const last = path.at(-1) ?? "";
  if (op !== "remove") parent[last] = value;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else Reflect.deleteProperty(parent, last);
  return copy as JsonValue;
}

function parseDocument(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
