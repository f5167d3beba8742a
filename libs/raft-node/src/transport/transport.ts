/**
 * Messages to and from the other members. To each peer two connections are kept: one for what must never wait behind
 * data (votes, heartbeats, acknowledgements), one for data; a snapshot gets a third while it lasts. Delivery is not
 * promised and may be out of order over the two; what is known to be lost is reported, so that Raft probes again.
 */
import { assert } from "@triarch/base";
import type { Clock, Rng } from "@triarch/base";
import type { MemberId, Message } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import { transportLimits } from "../limits.ts";
import type { OutgoingSnapshot, PeerLinkState, PeerTls, RaftNodeLimits } from "../types.ts";
import { frame, frameTypes, messageFrames } from "./frames.ts";
import type { Identity } from "./handshake.ts";
import { InboundServer } from "./inbound.ts";
import { OutboundConnection } from "./outbound.ts";
import { Questions } from "./questions.ts";
import { sendSnapshot } from "./snapshot-sender.ts";
import type { ReceivedSnapshot } from "./snapshot-spool.ts";

export interface TransportHandlers {
  readonly onMessages: (messages: readonly Message[]) => void;
  readonly onSnapshot: (snapshot: ReceivedSnapshot) => Promise<void>;
  readonly onQuestion: (from: MemberId, payload: Uint8Array) => Promise<Uint8Array>;
  /** `peer` wants this member's state: see `InboundOptions`. */
  readonly onStateWanted: (peer: MemberId) => { readonly message: Message; readonly state: OutgoingSnapshot };
  /** A message to `peer` is known to be lost. */
  readonly onUnreachable: (peer: MemberId) => void;
  readonly onSnapshotSent: (peer: MemberId, ok: boolean) => void;
  /** An open connection to or from `peer` ended, or nobody listens at its address. */
  readonly onPeerLost: (peer: MemberId) => void;
  readonly onPeerConnected: (peer: MemberId) => void;
  /** A peer will never have this member again: it was removed, or comes without the log that it had. */
  readonly onTurnedAway: (why: "removed" | "lostLog", refusal: string) => void;
}

export interface TransportOptions {
  readonly own: Identity;
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: PeerTls | undefined;
  readonly peerUrlOf: (id: MemberId) => string | undefined;
  /** Was once a member and is to be refused; beside those that leave while this process runs. */
  readonly isRemoved: (id: MemberId) => boolean;
  /** Has this member's log never seen a leader? */
  readonly isFresh: () => boolean;
  /** Is the other member known to have had a log? */
  readonly hasStarted: (id: MemberId) => boolean;
  readonly spoolPath: string;
  readonly limits: RaftNodeLimits;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

interface Peer {
  readonly control: OutboundConnection;
  readonly bulk: OutboundConnection;
  /** One snapshot at a time. */
  snapshot: AbortController | undefined;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  readonly #inbound: InboundServer;
  readonly #peers = new Map<MemberId, Peer>();
  #members: readonly MemberId[] = [];
  readonly #removed = new Set<MemberId>();
  /** Removed members whose connections still stand, and until when. */
  readonly #leaving = new Map<MemberId, number>();
  readonly #sending = new Set<Promise<void>>();
  readonly #questions: Questions;
  #pings: NodeJS.Timeout | undefined;

  constructor(options: TransportOptions, handlers: TransportHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#questions = new Questions(options.clock);
    this.#inbound = new InboundServer({
      ...options,
      removed: { has: (id) => this.#removed.has(id) || options.isRemoved(id) },
      onMessages: handlers.onMessages,
      onSnapshot: handlers.onSnapshot,
      onStateWanted: handlers.onStateWanted,
      onQuestion: handlers.onQuestion,
      onLost: handlers.onPeerLost,
      onWelcome: (id) => {
        this.#peers.get(id)?.control.hurry();
        this.#peers.get(id)?.bulk.hurry();
      },
    });
  }

  /** @throws the system's error when the address cannot be had */
  async start(): Promise<{ readonly host: string; readonly port: number }> {
    const address = await this.#inbound.listen();
    this.#pings = setInterval(() => {
      for (const { control, bulk } of this.#peers.values()) {
        control.ping();
        // What silences one connection silences both; the bulk's own answers may wait behind data.
        if (!control.isOpen) bulk.reset("the control connection is gone");
      }
      this.#closeLeaving();
      this.#inbound.sweep();
      this.#questions.expire();
    }, transportLimits.pingIntervalMs);
    return address;
  }

  /** The members of the configuration in force; those that were in it and are not any more are refused when they call. */
  setMembers(ids: readonly MemberId[]): void {
    const left = this.#members.filter((id) => !ids.includes(id));
    for (const id of left) {
      this.#removed.add(id);
      this.#leaving.set(id, this.#options.clock.monotonicMs() + transportLimits.leavingGraceMs);
    }
    for (const id of ids) {
      this.#removed.delete(id);
      this.#leaving.delete(id);
    }
    // A joining member called whom it was told of; now it knows.
    const strangers = [...this.#peers.keys()].filter((id) => !ids.includes(id) && !this.#leaving.has(id));
    if (ids.length > 0) for (const id of strangers) this.#closePeer(id);
    this.#members = ids;
    this.connect(ids);
  }

  /** Keeps connections to these members from now on. */
  connect(ids: readonly MemberId[]): void {
    for (const id of ids) if (id !== this.#options.own.memberId) this.#peer(id);
  }

  isConnected(id: MemberId): boolean {
    return this.#peers.get(id)?.control.isOpen ?? false;
  }

  links(): { readonly id: MemberId; readonly link: PeerLinkState; readonly lastRefusal: string }[] {
    return [...this.#peers].map(([id, { control }]) => ({ id, link: control.state, lastRefusal: control.refusal }));
  }

  get snapshotsOnTheirWay(): number {
    return this.#sending.size;
  }

  /** All messages of one turn. No MsgSnap: see `sendSnapshot`. @param proposalTerm goes along with proposals */
  send(messages: readonly Message[], proposalTerm: number): void {
    const batches = new Map<MemberId, { control: Message[]; bulk: Message[] }>();
    for (const message of messages) {
      let batch = batches.get(message.to);
      if (batch === undefined) batches.set(message.to, (batch = { control: [], bulk: [] }));
      (isBulk(message) ? batch.bulk : batch.control).push(message);
    }
    for (const [id, { control, bulk }] of batches) {
      const peer = this.#peer(id);
      if (!sendBatch(peer.control, control, proposalTerm) || !sendBatch(peer.bulk, bulk, proposalTerm)) {
        this.#handlers.onUnreachable(id);
      }
    }
  }

  /** @throws RaftNodeError "unreachable" | "timeout" (seen every `pingIntervalMs`) | "stopped" */
  ask(id: MemberId, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const send = (question: Uint8Array): boolean =>
      this.#peers.get(id)?.bulk.send(frame(frameTypes.question, question)) ?? false;
    return this.#questions.ask({ peer: id, payload, timeoutMs, send });
  }

  /** Reports how it ended, unless the transport is closed first. */
  sendSnapshot(message: Message, snapshot: OutgoingSnapshot): void {
    const id = message.to;
    const peer = this.#peer(id);
    const url = this.#options.peerUrlOf(id);
    assert(peer.snapshot === undefined, "Raft sends one snapshot at a time to a member");
    const abort = (peer.snapshot = new AbortController());
    const { own, tls, logger } = this.#options;
    const fields = { peer: id.toString(16), index: snapshot.index };
    const send = async (): Promise<void> => {
      try {
        if (url === undefined) throw new Error("its address is not known");
        await sendSnapshot({ own, peer: id, url, tls, message, chunks: snapshot.chunks, signal: abort.signal });
        logger.info(fields, "snapshot sent");
        peer.snapshot = undefined;
        this.#handlers.onSnapshotSent(id, true);
      } catch (error) {
        peer.snapshot = undefined;
        if (abort.signal.aborted) return;
        logger.warn({ ...fields, error: String(error) }, "snapshot not sent");
        this.#handlers.onSnapshotSent(id, false);
      }
    };
    const sending = send().finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Reports that `message` was not delivered. */
  dropSnapshot(message: Message, { chunks }: OutgoingSnapshot): void {
    const dropping = Promise.resolve(chunks[Symbol.asyncIterator]().return?.())
      .then(() => this.#handlers.onSnapshotSent(message.to, false))
      .finally(() => this.#sending.delete(dropping));
    this.#sending.add(dropping);
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.#questions.close();
    for (const id of [...this.#peers.keys()]) this.#closePeer(id);
    await Promise.all(this.#sending);
    await this.#inbound.close();
  }

  #peer(id: MemberId): Peer {
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const { own, tls, peerUrlOf, limits, clock, rng, logger } = this.#options;
    const connection = (kind: "control" | "bulk"): OutboundConnection =>
      new OutboundConnection({
        ...{ own, peer: id, kind, tls, limits, clock, rng, logger },
        peerUrl: () => peerUrlOf(id),
        onOpen: () => {
          if (kind === "control") this.#handlers.onPeerConnected(id);
        },
        onReply: (reply) => this.#questions.replied(id, reply),
        ...{ isFresh: this.#options.isFresh, hasStarted: this.#options.hasStarted },
        onTurnedAway: (why, refusal) => this.#handlers.onTurnedAway(why, refusal),
        onLost: () => {
          if (kind === "bulk") this.#questions.lost(id);
          this.#handlers.onPeerLost(id);
        },
        onConnectionRefused: () => this.#handlers.onPeerLost(id),
      });
    const peer: Peer = { control: connection("control"), bulk: connection("bulk"), snapshot: undefined };
    this.#peers.set(id, peer);
    peer.control.start();
    peer.bulk.start();
    return peer;
  }

  #closeLeaving(): void {
    const now = this.#options.clock.monotonicMs();
    for (const [id, untilMs] of this.#leaving) {
      if (untilMs > now) continue;
      this.#leaving.delete(id);
      this.#closePeer(id);
      this.#inbound.drop(id);
    }
  }

  #closePeer(id: MemberId): void {
    const peer = this.#peers.get(id);
    this.#peers.delete(id);
    this.#questions.lost(id);
    peer?.control.close();
    peer?.bulk.close();
    peer?.snapshot?.abort();
  }
}

/** Large, or many: what may hold up what is small. */
function isBulk(message: Message): boolean {
  return message.type === "MsgApp" || message.type === "MsgProp";
}

function sendBatch(connection: OutboundConnection, messages: readonly Message[], proposalTerm: number): boolean {
  if (messages.length === 0) return true;
  return connection.isOpen && connection.send(messageFrames(messages, proposalTerm));
}
