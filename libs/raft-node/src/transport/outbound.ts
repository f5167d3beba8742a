/**
 * One connection that this member keeps to a peer, dialed again whenever it ends. Bytes go one way; the other carries
 * the answer to the handshake and pongs.
 *
 * Bounds: `sendQueueFramesMax` batches and `sendQueueBytesMax` bytes wait in the socket; past either, and without a
 * connection, `send` drops and says so.
 */
import type { Socket } from "node:net";
import { emptyBytes } from "@triarch/base";
import type { Clock, Rng } from "@triarch/base";
import type { MemberId } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import { transportLimits } from "../limits.ts";
import type { PeerTls, RaftNodeLimits } from "../types.ts";
import { frame, FrameReader, frameTypes } from "./frames.ts";
import { decodeAnswer, encodeHello, lostLogText, protocolVersion } from "./handshake.ts";
import type { ConnectionKind, Identity } from "./handshake.ts";
import { dial } from "./sockets.ts";

export interface OutboundOptions {
  readonly own: Identity;
  readonly peer: MemberId;
  readonly kind: ConnectionKind;
  readonly peerUrl: () => string | undefined;
  readonly tls: PeerTls | undefined;
  readonly limits: RaftNodeLimits;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly onOpen: () => void;
  /** The peer replied to a question; the frame's payload, good until the call returns. */
  readonly onReply: (reply: Uint8Array) => void;
  readonly isFresh: () => boolean;
  readonly hasStarted: (id: MemberId) => boolean;
  /** The peer will never have this member again. */
  readonly onTurnedAway: (why: "removed" | "lostLog", refusal: string) => void;
  /** An open connection ended. */
  readonly onLost: () => void;
  /** Nobody listens at the peer's address. */
  readonly onConnectionRefused: () => void;
}

type State =
  | { readonly kind: "dialing"; readonly socket: Socket; readonly timer: NodeJS.Timeout }
  | { readonly kind: "open"; readonly socket: Socket; readonly openedMs: number }
  | { readonly kind: "backoff"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

export class OutboundConnection {
  readonly #options: OutboundOptions;
  #state: State = { kind: "closed" };
  #attempt = 0;
  #queuedFrames = 0;
  #heardMs = 0;
  /** Why the last attempt failed; told once, not at every attempt. */
  #lastTrouble = "";
  #refusal = "";

  constructor(options: OutboundOptions) {
    this.#options = options;
  }

  get state(): "connecting" | "connected" | "refused" | "backoff" {
    if (this.#state.kind === "open") return "connected";
    if (this.#refusal !== "") return "refused";
    return this.#state.kind === "dialing" ? "connecting" : "backoff";
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  get refusal(): string {
    return this.#refusal;
  }

  start(): void {
    this.#dial();
  }

  /** @returns false when the bytes were dropped */
  send(bytes: Uint8Array): boolean {
    if (this.#state.kind !== "open") return false;
    const { socket } = this.#state;
    const { sendQueueBytesMax, sendQueueFramesMax } = this.#options.limits;
    if (this.#queuedFrames >= sendQueueFramesMax || socket.writableLength + bytes.length > sendQueueBytesMax)
      return false;
    this.#queuedFrames += 1;
    socket.write(bytes, () => (this.#queuedFrames -= 1));
    return true;
  }

  /** To be called every `pingIntervalMs`: a peer that has gone silent behind a standing connection is noticed here. */
  ping(): void {
    if (this.#state.kind !== "open") return;
    if (this.#options.clock.monotonicMs() - this.#heardMs > transportLimits.silenceMaxMs) {
      this.#state.socket.destroy(new Error(`no answer for ${transportLimits.silenceMaxMs} ms`));
    } else {
      this.send(frame(frameTypes.ping, emptyBytes));
    }
  }

  /** The peer was heard from: no need to wait any longer before the next attempt. */
  hurry(): void {
    if (this.#state.kind !== "backoff") return;
    clearTimeout(this.#state.timer);
    this.#dial();
  }

  /** Ends an open connection; it is dialed again. */
  reset(reason: string): void {
    if (this.#state.kind === "open") this.#state.socket.destroy(new Error(reason));
  }

  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "dialing" || state.kind === "backoff") clearTimeout(state.timer);
    if (state.kind === "dialing" || state.kind === "open") state.socket.destroy();
  }

  #dial(): void {
    const url = this.#options.peerUrl();
    if (url === undefined) return this.#backOff("its address is not known");
    const { own, peer, kind, tls, isFresh } = this.#options;
    let socket: Socket;
    try {
      socket = dial(url, tls, () => {
        socket.write(
          frame(frameTypes.hello, encodeHello({ version: protocolVersion, ...own, to: peer, kind, fresh: isFresh() })),
        );
      });
    } catch (error) {
      return this.#backOff(`${url} cannot be dialed: ${String(error)}`);
    }
    const timer = setTimeout(() => socket.destroy(new Error("no answer in time")), transportLimits.dialTimeoutMs);
    this.#state = { kind: "dialing", socket, timer };
    this.#listen(socket, url, timer);
  }

  #listen(socket: Socket, url: string, timer: NodeJS.Timeout): void {
    const reader = new FrameReader();
    let failure: NodeJS.ErrnoException | undefined;
    socket.on("data", (chunk: Uint8Array) => {
      try {
        reader.push(chunk, ({ type, bytes, start, end }) => {
          this.#heardMs = this.#options.clock.monotonicMs();
          if (type === frameTypes.answer) this.#answered(socket, bytes.subarray(start, end));
          else if (type === frameTypes.reply) this.#options.onReply(bytes.subarray(start, end));
        });
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on("error", (error: NodeJS.ErrnoException) => (failure = error));
    // The peer sends nothing after its end; half-open connections are of no use.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(timer);
      if (this.#state.kind === "closed") return;
      const openedMs = this.#state.kind === "open" ? this.#state.openedMs : undefined;
      if (openedMs !== undefined) this.#options.onLost();
      else if (failure?.code === "ECONNREFUSED") this.#options.onConnectionRefused();
      // One that stood for a while may be back at once; one that is closed again and again must not spin.
      const now = this.#options.clock.monotonicMs();
      if (openedMs !== undefined && now - openedMs > transportLimits.backoffMaxMs) {
        this.#attempt = 0;
        if (failure === undefined) return this.#dial();
      }
      this.#backOff(`${url}: ${this.#refusal || (failure?.message ?? "the connection was closed")}`);
    });
  }

  #answered(socket: Socket, payload: Uint8Array): void {
    if (this.#state.kind !== "dialing" || this.#state.socket !== socket) return;
    const answer = decodeAnswer(payload);
    const { own, peer } = this.#options;
    this.#refusal = answer.refusal;
    if (answer.refusal === "" && (answer.clusterId !== own.clusterId || answer.memberId !== peer)) {
      this.#refusal = `another member answers there: ${answer.memberId.toString(16)} of cluster ${answer.clusterId.toString(16)}`;
    }
    if (this.#refusal === "" && answer.fresh === true && this.#options.hasStarted(peer))
      this.#refusal = lostLogText(peer);
    if (this.#refusal !== "") {
      socket.destroy();
      const isOurs = answer.clusterId === own.clusterId;
      if (isOurs && answer.removed) this.#options.onTurnedAway("removed", answer.refusal);
      if (isOurs && answer.lostLog === true) this.#options.onTurnedAway("lostLog", answer.refusal);
      return;
    }
    clearTimeout(this.#state.timer);
    this.#state = { kind: "open", socket, openedMs: this.#options.clock.monotonicMs() };
    this.#queuedFrames = 0;
    if (this.#lastTrouble !== "") this.#log("info", "connected to peer again");
    this.#lastTrouble = "";
    this.#options.onOpen();
  }

  #backOff(trouble: string): void {
    const { backoffStartMs, backoffMaxMs } = transportLimits;
    if (trouble !== this.#lastTrouble)
      this.#log(this.#refusal === "" ? "info" : "error", `peer not connected: ${trouble}`);
    this.#lastTrouble = trouble;
    const delayMs = Math.min(backoffMaxMs, backoffStartMs * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 16);
    const jitteredMs = delayMs * (0.75 + this.#options.rng.next() / 2);
    this.#state = { kind: "backoff", timer: setTimeout(() => this.#dial(), jitteredMs) };
  }

  #log(level: "info" | "error", text: string): void {
    this.#options.logger[level]({ peer: this.#options.peer.toString(16), connection: this.#options.kind }, text);
  }
}
