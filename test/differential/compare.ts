// Two transcripts of one program: the first answer that differs and is not allowed to.
import { allowedDifferences } from "./allowed.ts";
import type { Line, Transcript } from "./run-program.ts";
import { stepText } from "./steps.ts";

export interface Difference {
  readonly text: string;
}

/** @param onAllowed told of each difference that is allowed */
export function compareTranscripts(
  etcd: Transcript,
  ours: Transcript,
  onAllowed: (name: string) => void,
): Difference | undefined {
  // A hash covers the revisions themselves. A cluster that runs only some of the programs counts behind.
  const comparable = etcd.baseRevision === ours.baseRevision ? same : sameButHash;
  const length = Math.max(etcd.lines.length, ours.lines.length);
  for (let i = 0; i < length; i++) {
    const [theirs, own] = [etcd.lines[i], ours.lines[i]];
    if (theirs !== undefined && own !== undefined && comparable(theirs, own, onAllowed)) continue;
    const step = theirs ?? own;
    return {
      text:
        `answer ${i}: ${step === undefined ? "" : stepText(step.step)}\n` +
        `  asked: ${text(step?.request)}\n  etcd:  ${text(theirs?.answer)}\n  ours:  ${text(own?.answer)}`,
    };
  }
  return undefined;
}

function same(etcd: Line, ours: Line, onAllowed: (name: string) => void): boolean {
  if (text(etcd.answer) === text(ours.answer)) return true;
  let [left, right] = [etcd, ours];
  const applied: string[] = [];
  for (const allowed of allowedDifferences) {
    const reconciled = allowed.reconcile(left, right);
    if (reconciled === undefined) continue;
    applied.push(allowed.name);
    left = { ...left, answer: reconciled[0] };
    right = { ...right, answer: reconciled[1] };
    if (text(left.answer) !== text(right.answer)) continue;
    applied.forEach(onAllowed);
    return true;
  }
  return false;
}

function sameButHash(etcd: Line, ours: Line, onAllowed: (name: string) => void): boolean {
  if (etcd.step.kind !== "call" || etcd.step.method !== "hashKv") return same(etcd, ours, onAllowed);
  const without = ({ answer: { hash: _hash, base: _base, ...answer }, ...line }: Line): Line => ({ ...line, answer });
  return same(without(etcd), without(ours), onAllowed);
}

function text(value: unknown): string {
  return JSON.stringify(value, (_name, one: unknown) => {
    if (one instanceof Uint8Array) return Buffer.from(one).toString("latin1");
    return typeof one === "bigint" ? one.toString() : one;
  });
}
