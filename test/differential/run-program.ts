// Runs a program on one store and writes down every answer. Writes go one after the other; reads that stand together
// go together, for no order among them can be told from the answers.
import { assert, equalBytes } from "@triarch/base";
import { GrpcError } from "@triarch/etcd-grpc";
import { WatchCreateRequest } from "@triarch/etcd-proto";
import { rpcs, type EtcdConnection, type Rpc } from "../support/etcd/rpc.ts";
import { Known } from "./known.ts";
import { show, type Shown } from "./show.ts";
import { nobody, passwordOfAll, streamCount } from "./steps.ts";
import type { Drawn, Program, Step } from "./steps.ts";
import { isLaterEtcd, type Target } from "./targets.ts";
import { sees, startOf, type WatchMark } from "./watch-marks.ts";
import { WatchRecorder } from "./watch-recorder.ts";

/** One line for each answer; the step that it belongs to, or what the runner did by itself. */
export interface Line {
  readonly step: Step;
  /** An answer, or `{ code, error }`. */
  readonly answer: Shown;
  /** What the request became, for counting and for reading. */
  readonly request: Drawn;
}

export interface Transcript {
  readonly lines: readonly Line[];
  readonly baseRevision: number;
}

/** Reads that are under way together. */
const readsTogetherMax = 32;
const openEnd = new Uint8Array(1);
const anchor = new TextEncoder().encode("anchor");
const idOfNobody = 99;
/** One watch stream holds no more than this. */
const watchersMax = 8;

type AnyRpc = Rpc<object, object, object, object>;
type Call = Extract<Step, { readonly kind: "call" }>;

/** @throws Error when the store does not answer */
export async function runProgram(target: Target, program: Program, turn: number): Promise<Transcript> {
  const connection = target.connections[turn % target.connections.length];
  assert(connection !== undefined, "a target has a connection");
  const run = new Run(connection, target.connections);
  await run.reset();
  try {
    const transcript = await run.all(program);
    const broken = target.broken();
    if (broken !== undefined) throw new Error(broken);
    return transcript;
  } finally {
    run.destroy();
  }
}

class Run {
  /** Everything but linearizable reads: what a member has applied, its own serializable reads and watches show. */
  readonly #connection: EtcdConnection;
  readonly #others: readonly EtcdConnection[];
  readonly #streams: WatchRecorder[] = [];
  readonly #lines: Line[] = [];
  readonly #tokens = new Map<string, string>();
  readonly #known = new Known();
  #reads = 0;

  constructor(connection: EtcdConnection, others: readonly EtcdConnection[]) {
    this.#connection = connection;
    this.#others = others;
  }

  /** An empty store but for one key, with no history and no leases. */
  async reset(): Promise<void> {
    const { leases } = await this.#connection.unary(rpcs.leaseLeases, {});
    for (const { id } of leases) await this.#connection.unary(rpcs.leaseRevoke, { id });
    await this.#connection.unary(rpcs.deleteRange, { key: openEnd, rangeEnd: openEnd });
    const { header } = await this.#connection.unary(rpcs.put, { key: anchor });
    this.#known.reset(header?.revision ?? 0);
    await this.#connection.unary(rpcs.compact, { revision: this.#known.base, physical: true });
    for (let i = 0; i < streamCount; i++) this.#streams.push(new WatchRecorder(this.#connection, this.#known.frame));
  }

  async all(program: Program): Promise<Transcript> {
    for (let at = 0; at < program.length;) {
      const reads = readsAt(program, at);
      if (reads.length > 1) {
        const lines = await Promise.all(reads.map((step) => this.#call(step)));
        this.#lines.push(...lines);
        at += reads.length;
      } else {
        const step = program[at];
        if (step !== undefined) await this.#step(step);
        at += 1;
      }
    }
    await this.#settle();
    for (const [stream, recorder] of this.#streams.entries()) {
      const step: Step = { kind: "settle" };
      for (const answer of recorder.told()) this.#lines.push({ step, request: { stream }, answer });
    }
    return { lines: this.#lines, baseRevision: this.#known.base };
  }

  destroy(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case "call":
        // A watcher that is still catching up may or may not be overtaken by the compaction.
        if (step.method === "compact") await this.#settle();
        this.#lines.push(await this.#call(step));
        return;
      case "renew":
        this.#lines.push(await this.#renew(step));
        return;
      case "watch":
        return this.#watch(step);
      case "cancel":
        return this.#cancel(step);
      case "progress":
        return this.#progress(step);
      case "settle":
        return this.#settle();
    }
  }

  async #call(step: Call): Promise<Line> {
    const request = this.#known.resolve(step.request) as Drawn;
    if (step.method === "hashKv") return { step, request, answer: await this.#hash(request) };
    const rpc = rpcs[step.method] as unknown as AnyRpc;
    // A linearizable read may be asked of any member.
    const anyMember = step.method === "range" && step.as === undefined && request["serializable"] !== true;
    const connection = anyMember ? this.#others[this.#reads++ % this.#others.length] : this.#connection;
    try {
      const metadata = step.as === undefined ? {} : { token: await this.#token(step.as) };
      const answer = await (connection ?? this.#connection).unary(rpc, request, { metadata });
      this.#known.learn(step, request, answer);
      return { step, request, answer: this.#shown(step, answer) };
    } catch (error) {
      return { step, request, answer: refusal(error) };
    }
  }

  async #token(user: string): Promise<string> {
    if (user === nobody) return "no.token";
    const known = this.#tokens.get(user);
    if (known !== undefined) return known;
    const { token } = await this.#connection.unary(rpcs.authenticate, { name: user, password: passwordOfAll });
    this.#tokens.set(user, token);
    return token;
  }

  #shown({ method }: Call, answer: object): Shown {
    const shown = show(answer, this.#known.frame);
    // etcd keeps a lease's keys in a map that has no order.
    if (method === "leaseTimeToLive") return { ...shown, keys: (shown["keys"] as readonly string[]).toSorted() };
    if (method !== "leaseLeases") return shown;
    const { header, leases } = answer as { readonly header: object; readonly leases: readonly { id: bigint }[] };
    return { ...show({ header }, this.#known.frame), ...this.#known.leases(leases) };
  }

  /**
   * A hash can be compared only where 3.4 and newer ones keep the same rows: not with a tombstone at the compacted
   * revision (3.4 drops it), nor with nothing alive at the hash's (3.4 hashes whatever is not deleted yet).
   */
  async #hash(request: Drawn): Promise<Shown> {
    try {
      const answer = await this.#connection.unary(rpcs.hashKv, request);
      const revision = Number(request["revision"] ?? 0);
      const alive = { key: openEnd, rangeEnd: openEnd, countOnly: true, revision: Math.max(0, revision) };
      const { count } = await this.#connection.unary(rpcs.range, alive);
      const comparable = count > 0 && !this.#known.compactedAtDeletion;
      const { hashRevision: _newer, hash, ...rest } = show(answer, this.#known.frame);
      return { ...rest, hash: comparable ? hash : "not comparable", base: this.#known.base };
    } catch (error) {
      return refusal(error);
    }
  }

  async #renew(step: Extract<Step, { readonly kind: "renew" }>): Promise<Line> {
    const id = this.#known.resolve(step.lease) as bigint;
    const answer = Promise.withResolvers<Shown>();
    const stream = this.#connection.stream(
      rpcs.leaseKeepAlive,
      (response) => answer.resolve(show(response, this.#known.frame)),
      (error) => answer.resolve(error === undefined ? { error: "no answer" } : refusal(error)),
    );
    stream.send({ id });
    const shown = await answer.promise;
    await stream.end();
    return { step, request: { id }, answer: shown };
  }

  async #watch(step: Extract<Step, { readonly kind: "watch" }>): Promise<void> {
    const stream = this.#stream(step.stream);
    if (stream.watchers.filter((one) => one.open).length >= watchersMax) return;
    const request = this.#known.resolve(step.request) as Drawn;
    const compacted = this.#known.compacted;
    await stream.create(WatchCreateRequest.create(request));
    this.#lines.push({ step, request, answer: { created: true } });
    const watcher = stream.watchers.at(-1);
    const { startRevision = 0 } = request as { readonly startRevision?: number };
    const lost = startRevision < 0 || (startRevision > 0 && startRevision < compacted);
    if (watcher?.open === true && lost) await stream.closed(watcher);
  }

  async #cancel(step: Extract<Step, { readonly kind: "cancel" }>): Promise<void> {
    const stream = this.#stream(step.stream);
    if (step.watcher === "unknown") {
      stream.cancelUnknown(idOfNobody);
      this.#lines.push({ step, request: { watchId: idOfNobody }, answer: {} });
      return;
    }
    const open = stream.watchers.filter((one) => one.open);
    const watcher = open[step.watcher % Math.max(1, open.length)];
    if (watcher === undefined) return;
    await this.#settle(); // what comes before the cancellation is settled, then
    if (watcher.open) await stream.cancel(watcher);
    this.#lines.push({ step, request: { watchId: watcher.id }, answer: { ordinal: watcher.ordinal } });
  }

  async #progress(step: Extract<Step, { readonly kind: "progress" }>): Promise<void> {
    const stream = this.#stream(step.stream);
    await this.#settle();
    const open = stream.watchers.filter((one) => one.open);
    // 3.4 answers at once; newer ones, and ours, when the last watcher has begun.
    if (open.some((one) => one.request.startRevision > this.#known.current + 1)) return;
    if (isLaterEtcd) return; // they say nothing where a watcher is behind, or where nobody watches
    const revision = await stream.progress();
    this.#lines.push({ step, request: {}, answer: { revision: `r${revision - this.#known.base}` } });
  }

  /** Writes where every open watcher must see it, and waits until it does: all before it has then come, too. */
  async #settle(): Promise<void> {
    const open = this.#streams.flatMap((stream) =>
      stream.watchers.filter((one) => one.open).map((watcher) => ({ stream, watcher })),
    );
    const marks: WatchMark[] = [];
    for (const { watcher } of open) {
      const key = startOf(watcher);
      if (marks.some((mark) => equalBytes(mark.key, key))) continue;
      const alike = open.filter((other) => equalBytes(startOf(other.watcher), key));
      marks.push({ key, deletion: false, revision: await this.#mark("put", { key, value: anchor }) });
      if (alike.every((other) => other.watcher.wantsPuts)) continue;
      marks.push({ key, deletion: true, revision: await this.#mark("deleteRange", { key }) });
    }
    for (const { stream, watcher } of open) {
      const last = marks.findLast((mark) => sees(watcher, mark))?.revision ?? 0;
      if (last > 0) await stream.reached(watcher, last);
    }
  }

  /** @returns the revision that it made */
  async #mark(method: "put" | "deleteRange", request: Drawn): Promise<number> {
    const line = await this.#call({ kind: "call", method, request });
    this.#lines.push(line);
    return this.#known.current;
  }

  #stream(index: number): WatchRecorder {
    const stream = this.#streams[index];
    assert(stream !== undefined, "streams are opened at the reset");
    return stream;
  }
}

function readsAt(program: Program, from: number): readonly Call[] {
  const reads: Call[] = [];
  for (const step of program.slice(from, from + readsTogetherMax)) {
    if (step.kind !== "call" || !["range", "leaseTimeToLive", "leaseLeases"].includes(step.method)) break;
    reads.push(step);
  }
  return reads;
}

export function refusal(error: unknown): Shown {
  if (error instanceof GrpcError) return { code: error.code, error: error.message };
  throw error;
}
