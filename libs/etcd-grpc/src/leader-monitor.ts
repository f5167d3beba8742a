// The `hasleader` rule: a client that sends it does not want to wait on a member that is cut off.
import type { IncomingHttpHeaders } from "node:http2";
import type { EtcdServer } from "@triarch/etcd-server";
import { GrpcError, grpcCodes } from "./status.ts";

/** About three election timeouts: what an election takes is no reason to end streams. */
const leaderlessMsDefault = 1_500;

export class LeaderMonitor {
  readonly #server: Pick<EtcdServer, "leaderId" | "onLeaderChange">;
  readonly #leaderlessMs: number;
  readonly #stop: () => void;
  readonly #streams = new Set<(error: GrpcError) => void>();
  #timer: NodeJS.Timeout | undefined;

  /** @param options.leaderlessMs streams end when there was no leader for so long */
  constructor(options: {
    readonly server: Pick<EtcdServer, "leaderId" | "onLeaderChange">;
    readonly leaderlessMs?: number | undefined;
  }) {
    this.#server = options.server;
    this.#leaderlessMs = options.leaderlessMs ?? leaderlessMsDefault;
    this.#stop = this.#server.onLeaderChange(() => this.#look());
    this.#look();
  }

  /** When a call begins. @throws GrpcError "no leader" */
  admit(headers: IncomingHttpHeaders): void {
    if (wantsLeader(headers) && this.#server.leaderId() === 0n) throw noLeader();
  }

  /** @param fail called when the leader is lost. @returns ends that; to be called when the stream has ended */
  watch(headers: IncomingHttpHeaders, fail: (error: GrpcError) => void): () => void {
    if (!wantsLeader(headers)) return () => undefined;
    this.#streams.add(fail);
    return () => this.#streams.delete(fail);
  }

  close(): void {
    this.#stop();
    clearTimeout(this.#timer);
    this.#streams.clear();
  }

  #look(): void {
    clearTimeout(this.#timer);
    if (this.#server.leaderId() !== 0n) return;
    this.#timer = setTimeout(() => {
      const streams = [...this.#streams];
      this.#streams.clear();
      for (const fail of streams) fail(noLeader());
    }, this.#leaderlessMs);
    this.#timer.unref();
  }
}

function wantsLeader(headers: IncomingHttpHeaders): boolean {
  return headers["hasleader"] === "true";
}

function noLeader(): GrpcError {
  return new GrpcError(grpcCodes.unavailable, "etcdserver: no leader");
}
