// Random histories of a few clients on one key, made by a store that is right; and ways to make them wrong.
import type { Rng } from "@triarch/base";
import type { KeyInput, KeyOperation, KeyOutput, KeyVersion } from "../src/index.ts";

export interface HistoryShape {
  readonly operations: number;
  readonly clients: number;
  /** Of 100 operations so many have no known outcome. */
  readonly unknownPercent: number;
}

interface Current extends KeyVersion {
  readonly exists: true;
}

/**
 * Every operation takes effect at one moment between its call and its return; one with an unknown outcome takes effect
 * at any later moment, or never.
 */
export function randomHistory(rng: Rng, { operations, clients, unknownPercent }: HistoryShape): KeyOperation[] {
  const planned = plan(rng, operations, clients, unknownPercent);
  const outputs = new Map<Planned, KeyOutput>();
  let current: Current | undefined;
  let revision = 1;
  for (const one of planned.toSorted((left, right) => left.effectAt - right.effectAt)) {
    if (one.effectAt === Infinity) continue;
    const input = inputFor(rng, one, current?.modRevision ?? 0);
    one.input = input;
    const changes =
      input.kind === "put" || (input.kind === "delete" && current !== undefined) || matches(input, current);
    if (changes) revision += 1;
    outputs.set(one, outputOf(input, current, changes, revision));
    if (!changes) continue;
    if (input.kind === "delete") current = undefined;
    else if (input.kind !== "get") {
      current = { exists: true, value: input.value, modRevision: revision, version: (current?.version ?? 0) + 1 };
    }
  }
  return planned.map((one) => ({
    ...{ key: "k", client: one.client, calledAt: one.calledAt, returnedAt: one.returnedAt },
    input: one.input ?? { kind: "put", value: one.value },
    output: one.unknown ? undefined : outputs.get(one),
  }));
}

interface Planned {
  readonly client: number;
  readonly value: string;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly effectAt: number;
  readonly unknown: boolean;
  input?: KeyInput;
}

function plan(rng: Rng, operations: number, clients: number, unknownPercent: number): Planned[] {
  const freeAt = Array.from({ length: clients }, () => 0);
  return Array.from({ length: operations }, (_, i) => {
    const client = rng.int(clients);
    const calledAt = (freeAt[client] ?? 0) + rng.next();
    const returnedAt = calledAt + 0.01 + rng.next() * 2;
    freeAt[client] = returnedAt;
    const unknown = rng.int(100) < unknownPercent;
    const late = unknown && rng.int(2) === 0 ? (rng.int(2) === 0 ? Infinity : operations * 2 * rng.next()) : 0;
    const effectAt = calledAt + (returnedAt - calledAt) * rng.next() + late;
    return { client, value: `v${i}`, calledAt, returnedAt, effectAt, unknown };
  });
}

function inputFor(rng: Rng, { value }: Planned, revision: number): KeyInput {
  const kind = rng.int(10);
  if (kind < 4) return { kind: "get" };
  if (kind < 7) return { kind: "put", value };
  if (kind < 8) return { kind: "delete" };
  return { kind: "compareAndPut", expectedRevision: rng.int(3) === 0 ? Math.max(0, revision - 1) : revision, value };
}

function matches(input: KeyInput, current: Current | undefined): boolean {
  return input.kind === "compareAndPut" && input.expectedRevision === (current?.modRevision ?? 0);
}

function outputOf(input: KeyInput, current: Current | undefined, changes: boolean, revision: number): KeyOutput {
  if (input.kind === "get") {
    const found =
      current === undefined
        ? undefined
        : { value: current.value, modRevision: current.modRevision, version: current.version };
    return { kind: "got", found };
  }
  if (changes) return { kind: "written", revision };
  return input.kind === "delete" ? { kind: "nothingDeleted" } : { kind: "conflict" };
}

/** Changes one answer of the history to something that may be wrong. */
export function damaged(rng: Rng, history: readonly KeyOperation[]): KeyOperation[] {
  const answered = history.filter((operation) => operation.output !== undefined);
  const victim = answered[rng.int(Math.max(1, answered.length))];
  const other = answered[rng.int(Math.max(1, answered.length))];
  return history.map((operation) =>
    operation === victim ? { ...operation, output: wrongOutput(rng, victim, other) } : operation,
  );
}

function wrongOutput(
  rng: Rng,
  { input, output }: KeyOperation,
  other: KeyOperation | undefined,
): KeyOutput | undefined {
  if (output?.kind === "got") return other?.output?.kind === "got" ? other.output : { kind: "got", found: undefined };
  if (output?.kind === "written") {
    const revision = Math.max(1, output.revision + rng.int(5) - 2);
    return input.kind === "compareAndPut" && rng.int(2) === 0 ? { kind: "conflict" } : { kind: "written", revision };
  }
  return { kind: "written", revision: 1 + rng.int(10) };
}
