/** Connections that peers open to this member: checked by handshake, then read until they end. */
import { rm } from "node:fs/promises";
import type { AddressInfo, Server, Socket } from "node:net";
import { assert, emptyBytes } from "@triarch/base";
import type { Clock } from "@triarch/base";
import type { MemberId, Message } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import { decodeMessage } from "../codec/message-codec.ts";
import { DecodeError } from "../codec/varint.ts";
import { transportLimits } from "../limits.ts";
import type { OutgoingSnapshot, PeerTls } from "../types.ts";
import { frame, FrameReader, frameTypes } from "./frames.ts";
import type { Frame } from "./frames.ts";
import { decodeHello, encodeAnswer, lostLogText, protocolVersion, refusalOf } from "./handshake.ts";
import type { Hello, Identity, RemovedMembers } from "./handshake.ts";
import { Replies } from "./questions.ts";
import { RefusalLog } from "./refusal-log.ts";
import { SnapshotSpool } from "./snapshot-spool.ts";
import type { ReceivedSnapshot } from "./snapshot-spool.ts";
import { createPeerServer } from "./sockets.ts";
import { serveState } from "./state-transfer.ts";

export interface InboundOptions {
  readonly own: Identity;
  readonly tls: PeerTls | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  /** Where an arriving snapshot is put. */
  readonly spoolPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly removed: RemovedMembers;
  readonly isFresh: () => boolean;
  readonly hasStarted: (id: MemberId) => boolean;
  /** All of one read; valid messages from that peer to this member. */
  readonly onMessages: (messages: readonly Message[]) => void;
  /** A whole snapshot is on disk at `spoolPath`. Resolves when Raft has it or has refused it. */
  readonly onSnapshot: (snapshot: ReceivedSnapshot) => Promise<void>;
  readonly onQuestion: (from: MemberId, payload: Uint8Array) => Promise<Uint8Array>;
  /** `peer` has lost its state and wants this member's: the state, and the MsgSnap that tells of it. */
  readonly onStateWanted: (peer: MemberId) => { readonly message: Message; readonly state: OutgoingSnapshot };
  /** `peer` has connected and is welcome. */
  readonly onWelcome: (peer: MemberId) => void;
  /** A connection of `peer` ended. */
  readonly onLost: (peer: MemberId) => void;
}

export class InboundServer {
  readonly #options: InboundOptions;
  readonly #refusals: RefusalLog;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, { hello: Hello | undefined; heardMs: number }>();
  readonly #replies = new WeakMap<Socket, Replies>();
  readonly #raw = new Set<Socket>();
  #spool: SnapshotSpool | undefined;
  /** One state is sent at a time. */
  #serving: Promise<void> | undefined;
  #closed = false;

  constructor(options: InboundOptions) {
    this.#options = options;
    const refusals = (this.#refusals = new RefusalLog(options.clock, options.logger));
    this.#server = createPeerServer(
      options.tls,
      (socket) => this.#accept(socket),
      (reason, address) => refusals.tell("peer connection refused: TLS", { address, reason }),
    );
    // Before TLS: what has not finished its handshake must end with the server, too.
    this.#server.on("connection", (socket: Socket) => {
      this.#raw.add(socket);
      socket.once("close", () => this.#raw.delete(socket));
    });
    this.#server.maxConnections = transportLimits.connectionsMax;
  }

  /** @throws the system's error when the address cannot be had */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#options.listen;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#server.on("error", (error) => this.#options.logger.error({ error: error.message }, "peer server"));
    return { host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Ends what `peer` has open here. */
  drop(peer: MemberId): void {
    for (const [socket, { hello }] of this.#sockets) if (hello?.memberId === peer) socket.destroy();
  }

  /** To be called every `pingIntervalMs`: drops connections whose other end has gone silent. */
  sweep(): void {
    const now = this.#options.clock.monotonicMs();
    for (const [socket, { hello, heardMs }] of this.#sockets) {
      const limit = hello === undefined ? transportLimits.handshakeTimeoutMs : 2 * transportLimits.silenceMaxMs;
      const transfers = hello?.kind === "snapshot" || hello?.kind === "state";
      if (!transfers && now - heardMs > limit) socket.destroy(new Error(`silent for ${limit} ms`));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of [...this.#sockets.keys(), ...this.#raw]) socket.destroy();
    await closed;
    await this.#serving;
    await this.#releaseSpool();
    await rm(this.#options.spoolPath, { force: true });
  }

  #accept(socket: Socket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const peer: { hello: Hello | undefined; heardMs: number } = {
      hello: undefined,
      heardMs: this.#options.clock.monotonicMs(),
    };
    this.#sockets.set(socket, peer);
    const reader = new FrameReader();
    socket.on("data", (chunk: Uint8Array) => {
      peer.heardMs = this.#options.clock.monotonicMs();
      const messages: Message[] = [];
      try {
        reader.push(chunk, (received) => {
          if (peer.hello === undefined) peer.hello = this.#greet(socket, received);
          else this.#take(socket, peer.hello, received, messages);
        });
      } catch (error) {
        const address = socket.remoteAddress ?? "unknown";
        this.#refusals.tell("peer connection closed: unreadable", { address, error: String(error) });
        socket.destroy();
      }
      if (messages.length > 0) this.#options.onMessages(messages);
    });
    // Its end follows as "close".
    socket.on("error", () => undefined);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (peer.hello === undefined) return;
      if (peer.hello.kind === "snapshot") void this.#abandonSpool(socket);
      else if (peer.hello.kind === "state") return;
      else if (!this.#closed) this.#options.onLost(peer.hello.memberId);
    });
  }

  /** @returns the hello of a welcome peer */
  #greet(socket: Socket, received: Frame): Hello | undefined {
    const { own, removed, spoolPath } = this.#options;
    if (received.type !== frameTypes.hello) throw new DecodeError("the first frame is no hello");
    const hello = decodeHello(received.bytes.subarray(received.start, received.end));
    let refusal = refusalOf(hello, own, removed);
    const lostLog = refusal === "" && hello.fresh === true && this.#options.hasStarted(hello.memberId);
    if (lostLog) refusal = lostLogText(hello.memberId);
    if (refusal === "" && hello.kind === "snapshot" && this.#spool !== undefined)
      refusal = "another snapshot is arriving";
    if (refusal === "" && hello.kind === "state" && this.#serving !== undefined)
      refusal = "another state is being sent";
    const answer = frame(
      frameTypes.answer,
      encodeAnswer({
        version: protocolVersion,
        ...own,
        refusal,
        removed: refusal !== "" && removed.has(hello.memberId),
        ...(lostLog ? { lostLog } : {}),
        ...(this.#options.isFresh() ? { fresh: true } : {}),
      }),
    );
    if (refusal !== "") {
      const address = socket.remoteAddress ?? "unknown";
      this.#refusals.tell("peer refused", { address, peer: hello.memberId.toString(16), reason: refusal });
      socket.end(answer);
      return undefined;
    }
    if (hello.kind === "snapshot") this.#spool = new SnapshotSpool(spoolPath, socket);
    socket.write(answer);
    if (hello.kind === "state") this.#serving = this.#serve(socket, hello.memberId);
    else this.#options.onWelcome(hello.memberId);
    return hello;
  }

  async #serve(socket: Socket, peer: MemberId): Promise<void> {
    const { logger, onStateWanted } = this.#options;
    const fields = { peer: peer.toString(16) };
    try {
      const { message, state } = onStateWanted(peer);
      logger.info({ ...fields, index: state.index }, "sending the own state to a member that lost its");
      await serveState(socket, message, state.chunks);
    } catch (error) {
      logger.warn({ ...fields, error: String(error) }, "the state was not sent");
      socket.destroy();
    } finally {
      this.#serving = undefined;
    }
  }

  #take(socket: Socket, hello: Hello, received: Frame, messages: Message[]): void {
    const { type, bytes, start, end } = received;
    if (type === frameTypes.message) {
      const message = decodeMessage(bytes, start, end);
      if (message.to !== this.#options.own.memberId) throw new DecodeError(`a message for ${message.to.toString(16)}`);
      // A transfer is asked for in the name of the member that is to lead.
      if (message.from !== hello.memberId && message.type !== "MsgTransferLeader") {
        throw new DecodeError(`a message in the name of ${message.from.toString(16)}`);
      }
      if (hello.kind !== "snapshot") messages.push(message);
      else this.#spoolOf(socket).begin(message);
    } else if (type === frameTypes.ping) {
      socket.write(frame(frameTypes.pong, emptyBytes));
    } else if (type === frameTypes.question && hello.kind === "bulk") {
      this.#repliesOf(socket, hello.memberId).asked(bytes.subarray(start, end));
    } else if (type === frameTypes.snapshotChunk && hello.kind === "snapshot") {
      this.#spoolOf(socket).chunk(bytes.slice(start, end));
    } else if (type === frameTypes.snapshotEnd && hello.kind === "snapshot") {
      void this.#finishSpool(socket, bytes.slice(start, end));
    } else {
      throw new DecodeError(`frame type ${type} on a ${hello.kind} connection`);
    }
  }

  #repliesOf(socket: Socket, peer: MemberId): Replies {
    let replies = this.#replies.get(socket);
    if (replies === undefined) {
      replies = new Replies({
        answer: (payload) => this.#options.onQuestion(peer, payload),
        send: (reply) => {
          if (!socket.destroyed) socket.write(frame(frameTypes.reply, reply));
        },
      });
      this.#replies.set(socket, replies);
    }
    return replies;
  }

  #spoolOf(socket: Socket): SnapshotSpool {
    const spool = this.#spool;
    assert(spool !== undefined && spool.socket === socket, "a snapshot connection has a spool");
    return spool;
  }

  async #finishSpool(socket: Socket, checksum: Uint8Array): Promise<void> {
    try {
      const received = await this.#spoolOf(socket).finish(checksum);
      await this.#options.onSnapshot(received);
      socket.write(frame(frameTypes.snapshotTaken, emptyBytes));
    } catch (error) {
      this.#options.logger.warn({ error: String(error) }, "an arriving snapshot was dropped");
      socket.destroy();
    } finally {
      await this.#releaseSpool();
    }
  }

  /** The connection ended; what has arrived as a whole is kept until it is taken. */
  async #abandonSpool(socket: Socket): Promise<void> {
    if (this.#spool?.socket === socket && !this.#spool.finishing) await this.#releaseSpool();
  }

  async #releaseSpool(): Promise<void> {
    const spool = this.#spool;
    await spool?.close();
    if (this.#spool === spool) this.#spool = undefined;
  }
}
