// What the requests of a run reached: every option of every request, and every error text of etcd's API.
// What is wanted and was not reached fails the run, unless it stands here as unreachable, with its reason.
import type { Line } from "./run-program.ts";
import type { Shown } from "./show.ts";
import type { Drawn } from "./steps.ts";
import { unreachableErrors, wantedErrors, wantedOptions } from "./wanted.ts";

export class Coverage {
  readonly #counts = new Map<string, number>();

  /** @param line etcd's: what it refuses is what counts */
  add({ step, request, answer }: Line): void {
    this.#error(answer["error"]);
    if (step.kind === "call") this.#request(`${step.method}`, request);
    else this.#count(step.kind);
    if (step.kind === "call" && step.method === "txn" && answer["error"] === undefined) {
      this.#count(`txn ${answer["succeeded"] === true ? "succeeds" : "fails"}`);
    }
    if (step.kind === "watch") this.#watch(request);
    if (step.kind === "cancel") this.#count(`cancel ${step.watcher === "unknown" ? "unknown" : "open"}`);
    if (step.kind === "renew") this.#count(`renew ${answer["ttl"] === 0 ? "unknown" : "known"}`);
    if (answer["watcher"] !== undefined) this.#told(answer);
  }

  /** Names of what was wanted and not reached. */
  missing(): readonly string[] {
    const errors = wantedErrors.filter((text) => !unreachableErrors.some((one) => one.text === text));
    return [...wantedOptions, ...errors.map((text) => `error: ${text}`)].filter((name) => !this.#counts.has(name));
  }

  /** Errors that are called unreachable and were reached all the same. */
  wrongly(): readonly string[] {
    return unreachableErrors.map((one) => one.text).filter((text) => this.#counts.has(`error: ${text}`));
  }

  /** Most frequent first. */
  table(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort((left, right) => right[1] - left[1]);
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  #request(name: string, request: Drawn): void {
    this.#count(name);
    for (const [field, value] of Object.entries(request)) {
      if (isZero(value) || Array.isArray(value)) continue;
      if (!field.startsWith("request")) this.#count(`${name}.${field}`);
    }
    if (name === "range") this.#range(request);
    if (["range", "deleteRange"].includes(name)) this.#count(`${name} of ${rangeKind(request)}`);
    if (name === "txn") this.#txn(request, 0);
  }

  #range({ sortOrder = 0, sortTarget = 0 }: Drawn): void {
    this.#count(
      `range sorted by ${sortTargets[sortTarget as number] ?? "?"} ${sortOrders[sortOrder as number] ?? "?"}`,
    );
  }

  #txn({ compare = [], success = [], failure = [] }: Drawn, depth: number): void {
    this.#count(`txn at depth ${depth}`);
    for (const one of compare as readonly Drawn[]) {
      const { target = 0, result = 0, rangeEnd } = one;
      this.#count(`compare ${compareTargets[target as number] ?? "?"} ${compareResults[result as number] ?? "?"}`);
      if (!isZero(rangeEnd)) this.#count("compare of a range");
    }
    for (const operation of [...(success as readonly Drawn[]), ...(failure as readonly Drawn[])]) {
      const [field, inner] = Object.entries(operation)[0] ?? ["nothing", {}];
      this.#count(`operation ${field}`);
      const method = operations[field];
      if (method === "txn") this.#txn(inner as Drawn, depth + 1);
      else if (method !== undefined) this.#request(method, inner as Drawn);
    }
  }

  #watch(request: Drawn): void {
    for (const [field, value] of Object.entries(request)) if (!isZero(value)) this.#count(`watch.${field}`);
    this.#count(`watch of ${rangeKind(request)}`);
    const filters = (request["filters"] ?? []) as readonly number[];
    if (filters.length === 2) this.#count("watch without puts and deletes");
    else if (filters.length === 1) this.#count(`watch without ${filters[0] === 0 ? "puts" : "deletes"}`);
  }

  #told({ notices, events }: Shown): void {
    for (const { type, prevKv } of events as readonly Shown[]) {
      this.#count(`event ${type === 0 ? "put" : "delete"}${prevKv === undefined ? "" : " with the previous value"}`);
    }
    for (const { created, canceled, compactRevision, cancelReason } of notices as readonly Shown[]) {
      this.#error(cancelReason);
      if (created === true) this.#count(`watcher ${canceled === true ? "refused" : "created"}`);
      else this.#count(compactRevision === 0 ? "watcher cancelled" : "watcher cancelled by compaction");
    }
  }

  #error(text: unknown): void {
    if (typeof text === "string" && text !== "") this.#count(`error: ${errorText(text)}`);
  }
}

export const sortTargets = ["key", "version", "create", "mod", "value"];
export const sortOrders = ["none", "ascending", "descending"];
export const compareTargets = ["version", "create", "mod", "value", "lease"];
export const compareResults = ["equal", "greater", "less", "not equal"];
const operations: Readonly<Record<string, string>> = {
  requestRange: "range",
  requestPut: "put",
  requestDeleteRange: "deleteRange",
  requestTxn: "txn",
};

/** Without the prefix that etcd's server puts before its own. */
function errorText(text: string): string {
  return text.replace(/^etcdserver: /, "");
}

function isZero(value: unknown): boolean {
  return (
    value === undefined ||
    value === 0 ||
    value === 0n ||
    value === false ||
    (value instanceof Uint8Array && value.length === 0)
  );
}

function rangeKind({ key, rangeEnd }: Drawn): string {
  const from = key instanceof Uint8Array ? key : new Uint8Array(0);
  if (!(rangeEnd instanceof Uint8Array) || rangeEnd.length === 0) return "one key";
  if (rangeEnd.length === 1 && rangeEnd[0] === 0)
    return from.length === 1 && from[0] === 0 ? "everything" : "all from a key";
  return Buffer.compare(from, rangeEnd) < 0 ? "a range" : "nothing";
}
