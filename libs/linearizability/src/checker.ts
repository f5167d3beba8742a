/**
 * Is there an order of the operations, each at a moment between its call and its return, that the model allows?
 *
 * The search of Wing and Gong with Lowe's memoisation ("Testing for linearizability", 2017): linearize one operation
 * after the other, always one that was called before the first return among those that wait, and go back when none
 * fits. A configuration (which operations are done, and the state) that was seen before, or was reached with fewer open
 * operations used up, is not searched again. Open operations may be taken at any time after their call; the search ends
 * when all that returned are done.
 *
 * Cost: exponential at worst, close to linear when outputs tell the order (revisions). Bounded by `configurationsMax`.
 */
import { assert } from "@triarch/base";
import type { Model, Operation } from "./history.ts";

export type Verdict<Input, Output> =
  | { readonly kind: "linearizable" }
  /** `done`: the longest order found. `stuck`: none of these can come next after it, and one of them has to. */
  | {
      readonly kind: "violation";
      readonly done: readonly Operation<Input, Output>[];
      readonly stuck: readonly Operation<Input, Output>[];
    }
  /** Given up after `configurationsMax` configurations; nothing is said about the history. */
  | { readonly kind: "undecided"; readonly configurations: number };

/** Some hundred bytes are kept for each. */
export const configurationsMaxDefault = 1_000_000;

export function checkHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  configurationsMax = configurationsMaxDefault,
): Verdict<Input, Output> {
  return new Search(model, history, configurationsMax).run();
}

interface Node<Input, Output> {
  readonly operation: Operation<Input, Output>;
  /** By call, among those of its list. */
  readonly index: number;
  readonly rank: number | undefined;
  before: Head<Input, Output>;
  after: Node<Input, Output> | undefined;
}

interface Head<Input, Output> {
  after: Node<Input, Output> | undefined;
}

/** One operation done, and what can come next. */
interface Frame<State, Input, Output> {
  /** Undefined at the bottom. */
  readonly node: Node<Input, Output> | undefined;
  readonly done: Done;
  readonly candidates: readonly { readonly node: Node<Input, Output>; readonly state: State }[];
  next: number;
}

/** Which operations are done, together with those that wait in the list of the returned ones. */
interface Done {
  /** Greatest index of a returned one; -1 for none. */
  readonly lastReturned: number;
  /** How many have a rank. */
  readonly ranked: number;
  /** Indexes of the open ones, ascending. */
  readonly open: readonly number[];
}

const nothingDone: Done = { lastReturned: -1, ranked: 0, open: [] };

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #configurationsMax: number;
  /** Heads of the lists of operations that wait: those that returned, those that are open. */
  readonly #returned: Head<Input, Output>;
  readonly #open: Head<Input, Output>;
  /** Ascending. */
  readonly #ranks: readonly number[];
  /** By what is done of those that returned, and the state: which open ones had been used up. */
  readonly #seen = new Map<string, (readonly number[])[]>();
  #configurations = 0;
  readonly #frames: Frame<State, Input, Output>[] = [];
  #longest: readonly Operation<Input, Output>[] = [];
  #stuck: readonly Operation<Input, Output>[] = [];

  constructor(
    model: Model<State, Input, Output>,
    history: readonly Operation<Input, Output>[],
    configurationsMax: number,
  ) {
    const byCall = history.toSorted((left, right) => left.calledAt - right.calledAt);
    for (const { output, calledAt, returnedAt } of byCall) {
      assert(output === undefined || calledAt < returnedAt, `a call at ${calledAt} returns at ${returnedAt}`);
    }
    this.#model = model;
    this.#configurationsMax = configurationsMax;
    const rankOf = ({ output }: Operation<Input, Output>): number | undefined =>
      output === undefined ? undefined : model.rank(output);
    this.#returned = listOf(
      byCall.filter((operation) => operation.output !== undefined),
      rankOf,
    );
    this.#open = listOf(
      byCall.filter((operation) => operation.output === undefined),
      rankOf,
    );
    this.#ranks = byCall
      .map(rankOf)
      .filter((rank) => rank !== undefined)
      .sort((left, right) => left - right);
  }

  run(): Verdict<Input, Output> {
    this.#push(undefined, this.#model.initial, nothingDone);
    while (this.#returned.after !== undefined) {
      const frame = this.#frames.at(-1);
      if (frame === undefined) return { kind: "violation", done: this.#longest, stuck: this.#stuck };
      const candidate = frame.candidates[frame.next];
      frame.next += 1;
      if (candidate === undefined) {
        this.#goBack();
        continue;
      }
      unlink(candidate.node);
      const done = doneWith(frame.done, candidate.node);
      if (!this.#isNew(done, candidate.state)) {
        relink(candidate.node);
        continue;
      }
      if (this.#configurations >= this.#configurationsMax) {
        return { kind: "undecided", configurations: this.#configurations };
      }
      this.#configurations += 1;
      this.#push(candidate.node, candidate.state, done);
    }
    return { kind: "linearizable" };
  }

  #push(node: Node<Input, Output> | undefined, state: State, done: Done): void {
    const candidates = this.#candidates(state, done);
    this.#frames.push({ node, done, candidates, next: 0 });
  }

  /**
   * What can come next. What leaves the state as it is can come at once: no order is lost by that, for whatever follows
   * can follow it as well.
   */
  #candidates(state: State, { ranked }: Done): Frame<State, Input, Output>["candidates"] {
    const identity = this.#model.identity(state);
    const candidates: { node: Node<Input, Output>; state: State }[] = [];
    for (const node of this.#callableNodes()) {
      if (node.rank !== undefined && node.rank !== this.#ranks[ranked]) continue;
      const { input, output } = node.operation;
      for (const following of this.#model.step(state, input, output)) {
        if (output !== undefined && this.#model.identity(following) === identity) return [{ node, state }];
        candidates.push({ node, state: following });
      }
    }
    return candidates;
  }

  #goBack(): void {
    if (this.#frames.length > this.#longest.length + 1 || this.#stuck.length === 0) {
      this.#longest = this.#frames.flatMap(({ node }) => (node === undefined ? [] : [node.operation]));
      this.#stuck = this.#callableNodes().flatMap(({ operation }) =>
        operation.output === undefined ? [] : [operation],
      );
    }
    const frame = this.#frames.pop();
    if (frame?.node !== undefined) relink(frame.node);
  }

  /** Those that may come next: called before the first return. Open ones last, they are seldom needed. */
  #callableNodes(): Node<Input, Output>[] {
    const nodes: Node<Input, Output>[] = [];
    let firstReturn = Infinity;
    for (let node = this.#returned.after; node !== undefined; node = node.after) {
      if (node.operation.calledAt >= firstReturn) break;
      firstReturn = Math.min(firstReturn, node.operation.returnedAt);
      nodes.push(node);
    }
    const callable = nodes.filter((node) => node.operation.calledAt < firstReturn);
    const tried = new Set<string>();
    for (let node = this.#open.after; node !== undefined; node = node.after) {
      if (node.operation.calledAt >= firstReturn) break;
      const identity = this.#model.inputIdentity(node.operation.input);
      if (!tried.has(identity)) callable.push(node);
      tried.add(identity);
    }
    return callable;
  }

  /**
   * Which of the returned ones are done follows from those that wait before the last one done. What was reached before
   * with fewer of the open ones used up had every way on that there is from here.
   */
  #isNew({ lastReturned, open }: Done, state: State): boolean {
    let waiting = "";
    for (let node = this.#returned.after; node !== undefined && node.index < lastReturned; node = node.after) {
      waiting += `,${node.index}`;
    }
    const identity = `${lastReturned}${waiting}/${this.#model.identity(state)}`;
    const before = this.#seen.get(identity) ?? [];
    if (before.some((used) => isSubset(used, open))) return false;
    this.#seen.set(identity, [...before, open]);
    return true;
  }
}

/** Both ascending. */
function isSubset(part: readonly number[], whole: readonly number[]): boolean {
  let at = 0;
  for (const one of part) {
    while (at < whole.length && (whole[at] ?? 0) < one) at += 1;
    if (whole[at] !== one) return false;
  }
  return true;
}

function doneWith<Input, Output>(done: Done, node: Node<Input, Output>): Done {
  if (node.operation.output === undefined) {
    return { ...done, open: [...done.open, node.index].sort((left, right) => left - right) };
  }
  const ranked = done.ranked + (node.rank === undefined ? 0 : 1);
  return { ...done, ranked, lastReturned: Math.max(done.lastReturned, node.index) };
}

/** @returns a head that stands for no operation */
function listOf<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  rankOf: (operation: Operation<Input, Output>) => number | undefined,
): Head<Input, Output> {
  const head: Head<Input, Output> = { after: undefined };
  let last = head;
  for (const [index, operation] of operations.entries()) {
    const node: Node<Input, Output> = { operation, index, rank: rankOf(operation), before: last, after: undefined };
    last.after = node;
    last = node;
  }
  return head;
}

function unlink<Input, Output>(node: Node<Input, Output>): void {
  node.before.after = node.after;
  if (node.after !== undefined) node.after.before = node.before;
}

/** Undoes the `unlink` of the same node, if all that were unlinked later are back. */
function relink<Input, Output>(node: Node<Input, Output>): void {
  node.before.after = node;
  if (node.after !== undefined) node.after.before = node;
}
