/** Members, the messages between them, and the steps by which a script drives both. Nothing happens by itself. */
import { assertDefined } from "@triarch/base";
import { localAppendThread, localApplyThread } from "@triarch/raft";
import type { MemberId, Message, Snapshot, StepOutcome } from "@triarch/raft";
import { describeMessage, describeReady } from "./describe.ts";
import { TestNode } from "./node.ts";
import type { NodeOptions } from "./node.ts";
import { Output } from "./output.ts";

const endlessRounds = 10_000;

export class Environment {
  readonly output = new Output();
  readonly #nodes: TestNode[] = [];
  /** Sent and not yet delivered, oldest first. */
  #messages: Message[] = [];

  get nodes(): readonly TestNode[] {
    return this.#nodes;
  }

  node(id: MemberId): TestNode {
    return assertDefined(this.#nodes[Number(id) - 1], `no member ${id.toString()}`);
  }

  addNodes(count: number, options: NodeOptions, start: Snapshot): void {
    for (let i = 0; i < count; i++) {
      this.#nodes.push(new TestNode(BigInt(this.#nodes.length + 1), options, start));
    }
  }

  post(messages: readonly Message[]): void {
    this.#messages.push(...messages);
  }

  /** One Ready of one member, all the way to its end. */
  processReady(node: TestNode): void {
    const ready = node.raft.ready();
    this.output.write(describeReady(ready));
    const async = node.config.asyncStorageWrites;
    if (!async) {
      node.persist({ hardState: ready.hardState, entries: ready.entriesToPersist, snapshot: ready.snapshot });
      node.apply(ready.committedEntries);
    }
    for (const message of [...ready.messagesBeforePersist, ...ready.messagesAfterPersist]) {
      if (message.to === localAppendThread) node.appendWork.push(message);
      else if (message.to === localApplyThread) node.applyWork.push(message);
      else this.post([message]);
    }
    if (!async) node.raft.advance();
  }

  /** @param options.type deliver only these @returns how many there were */
  deliver(to: MemberId, options: { drop: boolean; type?: string | undefined }): number {
    const chosen = this.#messages.filter((message) => isFor(message, to, options));
    this.#messages = this.#messages.filter((message) => !chosen.includes(message));
    for (const message of chosen) {
      this.output.write(`${options.drop ? "dropped: " : ""}${describeMessage(message)}\n`);
      if (options.drop) continue;
      const refusal = refusalText(this.node(to).raft.step(message));
      if (refusal !== undefined) this.output.write(`${refusal}\n`);
    }
    return chosen.length;
  }

  processAppendThread(node: TestNode): void {
    const work = node.appendWork.shift();
    if (!work) {
      this.output.write("no append work to perform");
      return;
    }
    const { responses, term, vote, commit, entries, snapshot } = work;
    this.output.write(`Processing:\n${describeMessage({ ...work, responses: [] })}\n`);
    const changed = term !== 0 || vote !== 0n || commit !== 0;
    node.persist({ hardState: changed ? { term, vote, commit } : undefined, entries, snapshot });
    this.#respond(responses);
  }

  processApplyThread(node: TestNode): void {
    const work = node.applyWork.shift();
    if (!work) {
      this.output.write("no apply work to perform");
      return;
    }
    this.output.write(`Processing:\n${describeMessage({ ...work, responses: [] })}\n`);
    this.#respond(work.responses);
    node.apply(work.entries);
  }

  #respond(responses: readonly Message[]): void {
    this.output.write(`Responses:\n${responses.map((response) => `${describeMessage(response)}\n`).join("")}`);
    this.post(responses);
  }

  /** Runs the given members, and what they send each other, until nothing is left to do. */
  stabilize(nodes: readonly TestNode[]): void {
    for (let round = 0; round < endlessRounds; round++) {
      let idle = true;
      const act = (node: TestNode, title: string, body: () => void): void => {
        idle = false;
        this.output.write(`> ${node.id.toString()} ${title}\n`);
        this.output.indented(body);
      };
      for (const node of nodes) if (node.raft.hasReady()) act(node, "handling Ready", () => this.processReady(node));
      for (const node of nodes) {
        if (!this.#messages.some((message) => message.to === node.id)) continue;
        act(node, "receiving messages", () => this.deliver(node.id, { drop: false }));
      }
      for (const node of nodes) {
        if (node.appendWork.length === 0) continue;
        act(node, "processing append thread", () => {
          while (node.appendWork.length > 0) this.processAppendThread(node);
        });
      }
      for (const node of nodes) {
        if (node.applyWork.length === 0) continue;
        act(node, "processing apply thread", () => {
          while (node.applyWork.length > 0) this.processApplyThread(node);
        });
      }
      if (idle) return;
    }
    throw new Error(`not stable after ${endlessRounds} rounds`);
  }
}

function isFor(message: Message, to: MemberId, options: { drop: boolean; type?: string | undefined }): boolean {
  if (message.to !== to) return false;
  if (options.type !== undefined && message.type !== options.type) return false;
  // What never leaves the member cannot be lost.
  const local = message.from === message.to || message.from === localAppendThread || message.from === localApplyThread;
  return !(options.drop && local);
}

export function refusalText(outcome: StepOutcome): string | undefined {
  switch (outcome) {
    case "handled":
    case "appended":
    case "forwarded":
      return undefined;
    case "peerNotFound":
      return "raft: cannot step as peer not found";
    case "localMessage":
      return "raft: cannot step raft local message";
    default:
      return "raft proposal dropped";
  }
}
