// The start of a master that holds much: one of three is stopped and started again with its data.
import { setTimeout as delay } from "node:timers/promises";
import { RangeRequest, RangeResponse, TxnRequest } from "@triarch/etcd-proto";
import { utf8, utf8Text } from "@triarch/base";
import { Agent, request } from "undici";
import { LoadConnection } from "../etcd/grpc-load.ts";
import { median, progress, short } from "../figures.ts";
import { residentBytes } from "../processes.ts";
import type { BenchBed } from "./bed.ts";
import type { Figure } from "./figure.ts";
import { configMap } from "./manifests.ts";

const objectCount = 100_000;
/** With what the server adds, 2 kB. */
const valueBytes = 1_650;
const namespace = "bench-start";
const subject = "m3";
const subjectAt = 2;
const putsPerTransaction = 100;
const writers = 8;
const readyTimeoutMs = 120_000;
const readyPollMs = 10;
const settleMs = 10_000;

export interface StartCase {
  readonly what: string;
}

export const startCases: readonly StartCase[] = [{ what: "start of a master with 100,000 objects of 2 kB" }];

export async function measureStart(bed: BenchBed, { what }: StartCase, rounds: number): Promise<Figure[]> {
  await bed.makeNamespace(namespace);
  const sizeBytes = await fillStore(bed);
  progress(`${objectCount} objects of ${sizeBytes} bytes stored`);
  const done: Start[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await restart(bed);
    done.push(one);
    progress(`${what}, round ${round + 1}/${rounds}: ${short(one.servedMs)} ms`);
  }
  const at = (pick: (start: Start) => number): number => median(done.map(pick));
  return [
    {
      ...{ what, value: at(({ servedMs }) => servedMs) / 1_000, unit: " s" },
      aim: { bound: "at most", value: 5 },
      beside: { "/readyz after s": at(({ readyMs }) => readyMs) / 1_000, "stored bytes each": sizeBytes },
    },
    {
      ...{ what: "  its memory then", value: at(({ servedBytes }) => servedBytes) / 1e6, unit: " MB" },
      aim: { bound: "at most", value: 900 },
      beside: { "10 s later": at(({ settledBytes }) => settledBytes) / 1e6 },
    },
  ];
}

/**
 * Copies of one object that the API server wrote, under other names: as it would have written them, but faster.
 *
 * @returns how large each is
 */
async function fillStore(bed: BenchBed): Promise<number> {
  const name = (n: number): string => `held-${String(n).padStart(8, "0")}`;
  const key = (n: number): Uint8Array => utf8(`/registry/configmaps/${namespace}/${name(n)}`);
  await bed.ask("POST", `/api/v1/namespaces/${namespace}/configmaps`, configMap(name(0), valueBytes));
  const { etcdUrls, etcdTls } = bed.cluster;
  const connections = etcdUrls.map((url) => new LoadConnection(url, etcdTls));
  try {
    const range = await connections[0]?.unary("/etcdserverpb.KV/Range", RangeRequest.encode({ key: key(0) }));
    const { kvs } = RangeResponse.decode(range ?? new Uint8Array());
    const model = utf8Text(kvs[0]?.value ?? new Uint8Array());
    let next = 1;
    const work = async (_: unknown, worker: number): Promise<void> => {
      for (let first = next; first < objectCount; first = next) {
        next = first + putsPerTransaction;
        const success = [];
        for (let n = first; n < Math.min(next, objectCount); n++) {
          const uid = `"uid":"00000000-0000-4000-8000-${String(n).padStart(12, "0")}"`;
          const text = model.replace(name(0), name(n)).replace(/"uid":"[^"]+"/, uid);
          success.push({ requestPut: { key: key(n), value: utf8(text) } });
        }
        await connections[worker % connections.length]?.unary("/etcdserverpb.KV/Txn", TxnRequest.encode({ success }));
      }
    };
    await Promise.all(Array.from({ length: writers }, work));
    return model.length;
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

interface Start {
  readonly readyMs: number;
  /** Until the objects can be listed, which may be later: what a cluster may not use is loaded when it is asked for. */
  readonly servedMs: number;
  readonly servedBytes: number;
  readonly settledBytes: number;
}

async function restart(bed: BenchBed): Promise<Start> {
  await bed.cluster.order("stop", subject);
  const startedMs = performance.now();
  await bed.cluster.order("start", subject);
  await ready(bed.cluster.apiUrls[subjectAt] ?? "", bed.cluster.adminTls);
  const readyMs = performance.now() - startedMs;
  const servedMs = await served(bed, startedMs);
  const pid = (await bed.cluster.processes()).get(subject) ?? 0;
  const servedBytes = await residentBytes(pid);
  await delay(settleMs);
  return { readyMs, servedMs, servedBytes, settledBytes: await residentBytes(pid) };
}

/** @returns how long it took the started master to hold all objects */
async function served(bed: BenchBed, startedMs: number): Promise<number> {
  // From its own memory: without the two parameters it may ask the store.
  const path = `/api/v1/namespaces/${namespace}/configmaps?limit=1&resourceVersion=1&resourceVersionMatch=NotOlderThan`;
  const list = (await bed.until(path, 200, subjectAt)) as {
    readonly items: readonly unknown[];
    readonly metadata: { readonly remainingItemCount?: number };
  };
  const count = list.items.length + (list.metadata.remainingItemCount ?? 0);
  if (count < objectCount) throw new Error(`${subject} serves ${count} of ${objectCount} objects`);
  return performance.now() - startedMs;
}

async function ready(url: string, tls: BenchBed["cluster"]["adminTls"]): Promise<void> {
  const agent = new Agent({ connect: { ...tls } });
  const giveUpMs = performance.now() + readyTimeoutMs;
  try {
    for (;;) {
      const status = await request(`${url}/readyz`, { dispatcher: agent }).then(
        async ({ statusCode, body }) => {
          await body.dump();
          return statusCode;
        },
        () => 0, // nobody listens yet
      );
      if (status === 200) return;
      if (performance.now() > giveUpMs) throw new Error(`${url}/readyz did not answer 200 within ${readyTimeoutMs} ms`);
      await delay(readyPollMs);
    }
  } finally {
    await agent.destroy();
  }
}
