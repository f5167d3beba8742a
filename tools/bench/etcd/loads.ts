// What is asked of both clusters. Each load is a closed loop of one request per client, over 16 connections.
import {
  CompareResult,
  CompareTarget,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  TxnResponse,
} from "@triarch/etcd-proto";
import { utf8 } from "@triarch/base";
import type { LoadConnection } from "./grpc-load.ts";

const keys = 10_000;
const small = new Uint8Array(256).fill(120);
const object = new Uint8Array(1_000).fill(121);

export type OneRequest = (n: number) => Promise<unknown>;

export interface Load {
  readonly name: string;
  readonly clients: readonly number[];
  /** @returns what one client does again and again; `n` counts over all clients */
  prepare(connections: readonly LoadConnection[]): Promise<OneRequest>;
}

const pick = (connections: readonly LoadConnection[], n: number): LoadConnection =>
  connections[n % connections.length] as LoadConnection;

const key = (prefix: string, n: number): Uint8Array => utf8(`${prefix}/${String(n % keys).padStart(8, "0")}`);

const puts: Load = {
  name: "put 256 B",
  clients: [1, 64, 256],
  prepare: async (connections) => (n) =>
    pick(connections, n).unary("/etcdserverpb.KV/Put", PutRequest.encode({ key: key("bench", n), value: small })),
};

let created = 0;

const creates: Load = {
  name: "Kubernetes create (txn) 1 kB",
  clients: [64],
  prepare: async (connections) => (n) => {
    const name = utf8(`/registry/configmaps/default/${process.pid}-${created++}`);
    const request = TxnRequest.encode({
      compare: [{ key: name, target: CompareTarget.mod, result: CompareResult.equal, modRevision: 0 }],
      success: [{ requestPut: { key: name, value: object } }],
      failure: [{ requestRange: { key: name } }],
    });
    return pick(connections, n).unary("/etcdserverpb.KV/Txn", request);
  },
};

const updates: Load = {
  name: "Kubernetes update (txn) 1 kB",
  clients: [64],
  async prepare(connections) {
    const revisions = new Map<number, number>();
    const busy = new Set<number>();
    return async (n) => {
      let slot = n % 1_000;
      while (busy.has(slot)) slot = (slot + 1) % 1_000;
      busy.add(slot);
      const name = utf8(`/registry/pods/default/${process.pid}-${slot}`);
      const request = TxnRequest.encode({
        compare: [
          {
            ...{ key: name, target: CompareTarget.mod, result: CompareResult.equal },
            modRevision: revisions.get(slot) ?? 0,
          },
        ],
        success: [{ requestPut: { key: name, value: object } }],
        failure: [{ requestRange: { key: name } }],
      });
      const answer = TxnResponse.decode(await pick(connections, n).unary("/etcdserverpb.KV/Txn", request));
      const held = answer.responses[0]?.responseRange?.kvs[0];
      revisions.set(slot, answer.succeeded ? (answer.header?.revision ?? 0) : (held?.modRevision ?? 0));
      busy.delete(slot);
    };
  },
};

const read = (name: string, serializable: boolean, clients: readonly number[]): Load => ({
  name,
  clients,
  prepare: async (connections) => (n) =>
    pick(connections, n).unary(
      "/etcdserverpb.KV/Range",
      RangeRequest.encode({ key: key("bench", n % 1_000), serializable }),
    ),
});

const ranges: Load = {
  name: "range of 500 rows of 256 B",
  clients: [16],
  prepare: async (connections) => (n) =>
    pick(connections, n).unary(
      "/etcdserverpb.KV/Range",
      RangeRequest.encode({ key: key("bench", 0), rangeEnd: utf8("bench0"), limit: 500 }),
    ),
};

const keepAlives: Load = {
  name: "lease keep-alive",
  clients: [64],
  async prepare(connections) {
    const granted = await connections[0]?.unary(
      "/etcdserverpb.Lease/LeaseGrant",
      LeaseGrantRequest.encode({ ttl: 600 }),
    );
    const { id } = LeaseGrantResponse.decode(granted ?? new Uint8Array());
    const request = LeaseKeepAliveRequest.encode({ id });
    const lanes = Array.from({ length: 64 }, (_, i) => {
      const waiting: (() => void)[] = [];
      const stream = pick(connections, i).stream("/etcdserverpb.Lease/LeaseKeepAlive", () => waiting.shift()?.());
      return { waiting, stream };
    });
    return (n) =>
      new Promise<void>((resolve) => {
        const lane = lanes[n % lanes.length];
        lane?.waiting.push(resolve);
        lane?.stream.send(request);
      });
  },
};

export const loads: readonly Load[] = [
  puts,
  creates,
  updates,
  read("linearizable read", false, [1, 64]),
  read("serializable read", true, [64]),
  ranges,
  keepAlives,
];
