/**
 * A member's way to its peers over the simulated network, in place of connections over TCP: a link to each peer that is
 * opened, lost and opened again, with two streams of batches, each batch encoded and decoded as on the wire.
 */
import { assert } from "@triarch/base";
import type { Timer } from "@triarch/base";
import { decodeMessages, encodeMessages } from "@triarch/raft-node";
import type { OutgoingSnapshot, PeerTransport, TransportHandlers } from "@triarch/raft-node";
import type { MemberId, Message } from "@triarch/raft";
import { PeerLink } from "./link.ts";
import type { Network } from "./network.ts";
import type { SimProcess } from "./process.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";

/** Links are looked after this often: opened, found dead. */
const lookAfterMs = 200;

export class SimTransport implements PeerTransport {
  readonly process: SimProcess;
  readonly network: Network;
  readonly handlers: TransportHandlers;
  readonly #onSend: (messages: readonly Message[]) => void;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #transfers = new Map<MemberId, SnapshotTransfer>();
  readonly #removed = new Set<MemberId>();
  #members: readonly MemberId[] = [];
  #isClosed = false;
  #isArriving = false;
  #timer: Timer | undefined;

  constructor(parts: {
    readonly process: SimProcess;
    readonly network: Network;
    readonly handlers: TransportHandlers;
    /** Told of everything this member says, whether it arrives or not. */
    readonly onSend: (messages: readonly Message[]) => void;
  }) {
    this.process = parts.process;
    this.network = parts.network;
    this.handlers = parts.handlers;
    this.#onSend = parts.onSend;
  }

  get memberId(): MemberId {
    return this.process.memberId;
  }

  get isListening(): boolean {
    return this.process.alive && !this.#isClosed;
  }

  async start(): Promise<{ readonly host: string; readonly port: number }> {
    this.network.attach(this);
    this.#timer = this.process.every(lookAfterMs, () => {
      for (const link of this.#links.values()) link.lookAfter();
    });
    return { host: `member-${this.memberId.toString()}`, port: 2380 };
  }

  setMembers(ids: readonly MemberId[]): void {
    if (!this.isListening) return;
    for (const id of this.#members) {
      if (ids.includes(id)) continue;
      this.#removed.add(id);
      this.#links.delete(id);
      this.#transfers.get(id)?.abandon();
      this.#transfers.delete(id);
    }
    for (const id of ids) this.#removed.delete(id);
    this.#members = ids;
    this.connect(ids);
  }

  connect(ids: readonly MemberId[]): void {
    for (const id of ids) if (id !== this.memberId) this.#link(id);
  }

  isConnected(id: MemberId): boolean {
    return this.#links.get(id)?.isOpen ?? false;
  }

  links(): ReturnType<PeerTransport["links"]> {
    return [...this.#links].map(([id, link]) => {
      return { id, link: link.isOpen ? ("connected" as const) : ("backoff" as const), lastRefusal: "" };
    });
  }

  get snapshotsOnTheirWay(): number {
    return this.#transfers.size;
  }

  ask(): Promise<Uint8Array> {
    return Promise.reject(new Error("nobody is asked anything here"));
  }

  send(messages: readonly Message[], proposalTerm: number): void {
    if (!this.#mayTalk("before send")) return;
    this.#onSend(messages);
    const batches = new Map<MemberId, { control: Message[]; bulk: Message[] }>();
    for (const message of messages) {
      let batch = batches.get(message.to);
      if (batch === undefined) batches.set(message.to, (batch = { control: [], bulk: [] }));
      (message.type === "MsgApp" || message.type === "MsgProp" ? batch.bulk : batch.control).push(message);
    }
    for (const [id, { control, bulk }] of batches) {
      const link = this.#link(id);
      if (!link.isOpen) {
        this.handlers.onUnreachable(id);
        continue;
      }
      if (control.length > 0) link.carry("control", encodeMessages(control, proposalTerm));
      if (bulk.length > 0) link.carry("bulk", encodeMessages(bulk, proposalTerm));
    }
    this.process.crashPoint("after send");
  }

  /** A batch arrived. @param isRepeated a second time: proposals are delivered at most once */
  receive(from: MemberId, bytes: Uint8Array, isRepeated: boolean): void {
    if (!this.isListening || this.refuses(from)) return;
    const messages = decodeMessages(bytes).filter((message) => !isRepeated || message.type !== "MsgProp");
    this.process.world.trace(`${this.memberId.toString()} gets ${messages.map(describe).join(", ")}`);
    this.handlers.onMessages(messages);
  }

  refuses(id: MemberId): boolean {
    return this.#removed.has(id);
  }

  sendSnapshot(message: Message, snapshot: OutgoingSnapshot): void {
    if (!this.#mayTalk("before snapshot")) return;
    this.#onSend([message]);
    const id = message.to;
    assert(!this.#transfers.has(id), "Raft sends one snapshot at a time to a member");
    const transfer = new SnapshotTransfer({ sender: this, message, snapshot });
    this.#transfers.set(id, transfer);
    void transfer.run().then((outcome) => {
      if (this.#transfers.get(id) === transfer) this.#transfers.delete(id);
      if (outcome !== "abandoned" && this.isListening) this.handlers.onSnapshotSent(id, outcome === "taken");
    });
  }

  /** @returns resolves when Raft has it or does not want it; "refused" while another one arrives */
  async receiveSnapshot(bytes: Uint8Array, content: Uint8Array): Promise<"taken" | "refused"> {
    if (this.#isArriving) return "refused";
    const [message] = decodeMessages(bytes);
    if (message === undefined) throw new Error("a snapshot without its message");
    this.#isArriving = true;
    try {
      await this.handlers.onSnapshot({ message, chunks: () => inPieces(content) });
      return "taken";
    } catch {
      return "refused"; // The node stops.
    } finally {
      this.#isArriving = false;
    }
  }

  dropSnapshot(message: Message, { chunks }: OutgoingSnapshot): void {
    if (!this.#mayTalk("before drop")) return;
    void Promise.resolve(chunks[Symbol.asyncIterator]().return?.()).then(() => {
      if (this.isListening) this.handlers.onSnapshotSent(message.to, false);
    });
  }

  /** The process at the other end of a link ended, and its system said so. */
  peerEnded(process: SimProcess): void {
    const link = this.#links.get(process.memberId);
    if (link !== undefined && this.network.isReachable(this.memberId, process.memberId)) link.reset(process);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#links.clear();
    for (const transfer of this.#transfers.values()) transfer.abandon();
  }

  #link(id: MemberId): PeerLink {
    let link = this.#links.get(id);
    if (link === undefined) {
      link = new PeerLink(this, id);
      this.#links.set(id, link);
      link.lookAfter();
    }
    return link;
  }

  #mayTalk(name: string): boolean {
    return this.process.crashPoint(name) && !this.#isClosed;
  }
}

async function* inPieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 1000) yield content.subarray(at, at + 1000);
}

export function describe({ type, from, to, term, logTerm, index, commit, entries, reject }: Message): string {
  const head = `${type} ${from.toString()}>${to.toString()} term ${term} at ${logTerm}/${index} commit ${commit}`;
  return `${head}${entries.length > 0 ? ` +${entries.length}` : ""}${reject ? " reject" : ""}`;
}
