/** One member of a replicated store in a process of its own, as a master runs it, so that it can be stopped and killed. */
import { utf8, utf8Text } from "@triarch/base";
import { EventType, type Event } from "@triarch/etcd-proto";
import { EtcdServerError, startStore, type EtcdServer, type RunningStore } from "@triarch/etcd-server";
import { MvccError } from "@triarch/mvcc";
import { createLogger } from "@triarch/telemetry";
import {
  markOf,
  type Change,
  type MemberAnswer,
  type MemberConfig,
  type MemberOrder,
  type MemberReport,
} from "./protocol.ts";

const config = JSON.parse(process.argv[2] ?? "") as MemberConfig;
const everything = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) };

function report(message: MemberReport, then?: () => void): void {
  process.send?.(message, undefined, undefined, then);
}

/** The last word of this process. */
function endWith(kind: "refused" | "failed", error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  report({ kind, error: text }, () => process.exit(1));
}

async function carryOut(server: EtcdServer, order: MemberOrder): Promise<MemberAnswer> {
  switch (order.kind) {
    case "put": {
      const { header } = await server.put({ key: utf8(order.key), value: utf8(order.value) });
      return { revision: header?.revision ?? 0 };
    }
    case "delete": {
      const { header, deleted } = await server.deleteRange({ key: utf8(order.key) });
      return { revision: deleted === 0 ? 0 : (header?.revision ?? 0) };
    }
    case "barrier":
      return { revision: await server.readBarrier() };
    case "hash":
      return { hash: (await server.hashKv({ revision: order.revision })).hash };
    case "history":
      return { changes: await historyOf(server, order.revision) };
  }
}

function historyOf(server: EtcdServer, revision: number): Promise<readonly Change[]> {
  const changes: Change[] = [];
  return new Promise((resolve, reject) => {
    const watch = server.watch(
      { ...everything, startRevision: 1, prevKv: false },
      {
        onEvents: (events) => {
          changes.push(...events.map(changeOf));
          return true;
        },
        onProgress: (reached) => {
          if (reached < revision) return;
          watch.close();
          resolve(changes);
        },
        onCompacted: (to) => reject(new Error(`the history before revision ${to} is compacted`)),
        onStopped: () => reject(new Error("the store stopped")),
      },
    );
  });
}

function changeOf({ type, kv }: Event): Change {
  const mark = type === EventType.delete ? "" : markOf(utf8Text(kv?.value ?? new Uint8Array(0)));
  return [kv?.modRevision ?? 0, utf8Text(kv?.key ?? new Uint8Array(0)), mark];
}

async function serve({ server }: RunningStore, id: number, order: MemberOrder): Promise<void> {
  try {
    report({ kind: "answer", id, answer: await carryOut(server, order) });
  } catch (error) {
    const isBug = !(error instanceof EtcdServerError) && !(error instanceof MvccError);
    report({
      kind: "noAnswer",
      id,
      isBug,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}

process.on("disconnect", () => process.exit(1));
try {
  const store = await startStore({
    name: config.name,
    dataDir: config.dataDir,
    clusterToken: "power-loss",
    initialMembers: config.initialMembers,
    listenPeer: { host: "127.0.0.1", port: config.port },
    autoCompaction: { mode: "off" }, // the tests want the whole history
    logger: createLogger({ component: config.name, levels: process.env["STORE_LOG"] ?? "silent" }),
    onFatal: (error) => endWith("failed", error),
  });
  process.on("message", ({ id, order }: { readonly id: number; readonly order: MemberOrder }) => {
    void serve(store, id, order);
  });
  report({ kind: "started" });
} catch (error) {
  endWith("refused", error);
}
