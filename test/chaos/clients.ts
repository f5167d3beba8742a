// Clients that write down what they did: when they called, what they were answered, when.
import { utf8, utf8Text, type Rng } from "@triarch/base";
import { GrpcError, grpcCodes } from "@triarch/etcd-grpc";
import { CompareTarget, type KeyValue } from "@triarch/etcd-proto";
import type { KeyInput, KeyOperation, KeyOutput } from "@triarch/linearizability";
import { rpcs, type EtcdConnection } from "../support/etcd/rpc.ts";
import type { ChaosCluster } from "./cluster.ts";

export const clientCount = 8;
/** As many of them nearly only read: one on each member, which a member that is cut off could answer from what it has. */
const readerCount = 3;
export const keys = ["c/1", "c/2", "c/3", "c/4", "c/5"];
/** Past it a client gives up; what it asked for may still happen. */
const operationTimeoutMs = 2_000;
/** Between two operations of a client, at most: histories are to be judged in seconds. */
const thinkTimeMaxMs = 12;
/** After a failure. */
const failurePauseMs = 20;
/** Refusals that say for certain that nothing happens: the store checks these before it writes. */
const certainRefusals: readonly number[] = [grpcCodes.invalidArgument, grpcCodes.resourceExhausted];

export class ChaosClient {
  readonly history: KeyOperation[] = [];
  readonly #client: number;
  readonly #connections: readonly EtcdConnection[];
  readonly #rng: Rng;
  /** Where it asks now; another one after a failure. */
  #member: number;
  #written = 0;
  /** Revisions that were seen, for conditions that may hold. */
  readonly #seen = new Map<string, number>();

  constructor(client: number, cluster: ChaosCluster, rng: Rng) {
    this.#client = client;
    this.#connections = cluster.all.map((member) => cluster.connect(member));
    this.#member = client % this.#connections.length;
    this.#rng = rng;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const answered = await this.operate(keys[this.#rng.int(keys.length)] ?? "", this.#draw());
      const restMs = answered ? this.#rng.int(thinkTimeMaxMs) : failurePauseMs;
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }

  /** @returns false when nobody knows what came of it, or a read failed */
  async operate(key: string, draw: KeyInput["kind"]): Promise<boolean> {
    const input = this.#input(key, draw);
    const calledAt = performance.now();
    let output: KeyOutput | undefined;
    try {
      output = await this.#call(key, input);
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
      this.#member = (this.#member + 1) % this.#connections.length;
      if (input.kind === "get" || certainRefusals.includes(error.code)) return false;
    }
    const returnedAt = performance.now();
    this.history.push({ client: this.#client, key, input, output, calledAt, returnedAt });
    return output !== undefined;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #draw(): KeyInput["kind"] {
    const draw = this.#rng.int(10);
    if (this.#client < readerCount && draw < 9) return "get";
    return draw < 4 ? "get" : draw < 7 ? "put" : draw < 9 ? "compareAndPut" : "delete";
  }

  #input(key: string, kind: KeyInput["kind"]): KeyInput {
    switch (kind) {
      case "get":
      case "delete":
        return { kind };
      case "put":
        return { kind, value: this.#nextValue() };
      case "compareAndPut":
        return { kind, expectedRevision: this.#seen.get(key) ?? 0, value: this.#nextValue() };
    }
  }

  /** No two writes have the same. */
  #nextValue(): string {
    this.#written += 1;
    return `${this.#client}.${this.#written}`;
  }

  async #call(key: string, input: KeyInput): Promise<KeyOutput> {
    const connection = this.#connections[this.#member];
    if (connection === undefined) throw new Error(`there is no member ${this.#member}`);
    const options = { timeoutMs: operationTimeoutMs };
    switch (input.kind) {
      case "get": {
        const { kvs } = await connection.unary(rpcs.range, { key: utf8(key) }, options);
        return this.#got(key, kvs[0]);
      }
      case "put": {
        const request = { key: utf8(key), value: utf8(input.value) };
        return this.#wrote(key, (await connection.unary(rpcs.put, request, options)).header?.revision);
      }
      case "delete": {
        const { deleted, header } = await connection.unary(rpcs.deleteRange, { key: utf8(key) }, options);
        if (deleted === 0) return { kind: "nothingDeleted" };
        this.#seen.delete(key);
        return { kind: "written", revision: header?.revision ?? 0 };
      }
      case "compareAndPut": {
        const request = {
          compare: [{ key: utf8(key), target: CompareTarget.mod, modRevision: input.expectedRevision }],
          success: [{ requestPut: { key: utf8(key), value: utf8(input.value) } }],
          failure: [{ requestRange: { key: utf8(key) } }],
        };
        const { succeeded, header, responses } = await connection.unary(rpcs.txn, request, options);
        if (succeeded) return this.#wrote(key, header?.revision);
        this.#got(key, responses[0]?.responseRange?.kvs[0]);
        return { kind: "conflict" };
      }
    }
  }

  #wrote(key: string, revision = 0): KeyOutput {
    this.#seen.set(key, revision);
    return { kind: "written", revision };
  }

  #got(key: string, kv: KeyValue | undefined): KeyOutput {
    this.#seen.set(key, kv?.modRevision ?? 0);
    const found =
      kv === undefined ? undefined : { value: utf8Text(kv.value), modRevision: kv.modRevision, version: kv.version };
    return { kind: "got", found };
  }
}
