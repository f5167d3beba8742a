import type { MessagePort } from "node:worker_threads";
import { assert } from "@triarch/base";
import type { EtcdServer } from "../server/etcd-server.ts";
import { BatchReader, frame } from "./frames.ts";
import { Outbox } from "./outbox.ts";
import { Room } from "./room.ts";
import { toJson, writeOptionalRow } from "./rows.ts";
import { ServedWatches } from "./served-watches.ts";
import { storeFailure } from "./store-failure.ts";
import { answerList, deleteAt, getRow, putAt } from "./store-requests.ts";

/** Sent and not yet reported as taken in; past it watches and lists wait, while other answers still go out. */
export const untakenBytesMax = 32 * 1024 * 1024;

export interface ServedStore {
  /** Tells the other side that the store stops, and ends the link. The server itself is not closed. */
  close(): void;
}

/**
 * The store thread's end of the bridge: answers the requests of one `connectStore` from `server`. Requests of one
 * batch are started in order and together, so their writes become one Raft proposal batch.
 */
export function serveStore(port: MessagePort, server: EtcdServer): ServedStore {
  const room = new Room(untakenBytesMax);
  const outbox: Outbox = new Outbox(port, {
    beforeSend: (writer) => watches.writeProgress(writer),
    onSent: (sizeBytes) => room.use(sizeBytes),
  });
  const watches = new ServedWatches(server, outbox, room);
  let closed = false;

  const answer = (id: number, work: Promise<void>): void => {
    work.catch((error: unknown) => {
      if (!closed) outbox.writer.frame(frame.failure, id).text(toJson(storeFailure(error)));
    });
  };

  const dispatch = (kind: number, id: number, reader: BatchReader): void => {
    switch (kind) {
      case frame.put: {
        const request = {
          key: reader.bytes(),
          expected: reader.number(),
          lease: reader.bigint(),
          value: reader.bytes(),
        };
        return answer(id, reply(putAt(server, request)));
      }
      case frame.delete:
        return answer(id, reply(deleteAt(server, { key: reader.bytes(), expected: reader.number() })));
      case frame.get: {
        const request = { key: reader.bytes(), revision: reader.number(), serializable: reader.byte() === 1 };
        return answer(id, getRow(server, request, id, outbox));
      }
      case frame.list: {
        const prefix = reader.bytes();
        const revision = reader.number();
        const limit = reader.number();
        const flags = reader.byte();
        const startAfter = reader.byte() === 1 ? reader.bytes() : undefined;
        const options = { revision, limit, serializable: (flags & 1) !== 0, countOnly: (flags & 2) !== 0 };
        return answer(id, answerList(server, { ...options, prefix, startAfter }, id, outbox, room));
      }
      case frame.readBarrier:
        return answer(
          id,
          server.readBarrier().then((revision) => void outbox.writer.frame(frame.revision, id).number(revision)),
        );
      case frame.leaseGrant: {
        const granted = server.leaseGrant({ id: 0n, ttl: reader.number() });
        return answer(
          id,
          granted.then((lease) => void outbox.writer.frame(frame.leaseId, id).bigint(BigInt.asUintN(64, lease.id))),
        );
      }
      case frame.compact: {
        const compacted = server.compact({ revision: reader.number(), physical: false });
        return answer(
          id,
          compacted.then(() => void outbox.writer.frame(frame.done, id)),
        );
      }
      case frame.status:
        outbox.writer.frame(frame.json, id).text(toJson(server.storeStatus()));
        return;
      case frame.handOver:
        return answer(
          id,
          server.handOverLeadership().then(() => void outbox.writer.frame(frame.done, id)),
        );
      case frame.watch:
        return watches.open(id, reader.bytes(), reader.number());
      case frame.unwatch:
        return watches.close(id);
      case frame.taken:
        return room.give(id);
      default:
        assert(false, `bridge: unknown frame ${kind}`);
    }

    async function reply(write: ReturnType<typeof putAt>): Promise<void> {
      const { kind: outcome, revision, row } = await write;
      writeOptionalRow(outbox.writer.frame(frame[outcome], id).number(revision), row);
    }
  };

  const close = (): void => {
    if (closed) return;
    closed = true;
    watches.closeAll();
    room.close();
    outbox.writer.frame(frame.stopped, 0);
    outbox.close();
    port.close();
  };

  port.on("message", (batch: Uint8Array<ArrayBuffer>) => {
    const reader = new BatchReader(batch);
    while (!reader.done && !closed) dispatch(reader.byte(), reader.number(), reader);
  });
  port.on("close", close);
  return { close };
}
