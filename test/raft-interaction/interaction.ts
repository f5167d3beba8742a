/** The commands of the interaction scripts. */
import { utf8 } from "@triarch/base";
import { emptyConfState, makeMessage } from "@triarch/raft";
import type { ConfChange, ConfChangeTransition, RaftConfig, Snapshot } from "@triarch/raft";
import { flag, ids, single } from "./command.ts";
import type { Command } from "./command.ts";
import { describeProgress, parseChanges } from "./conf-change-text.ts";
import { describeEntries, describeMessage, roleNames } from "./describe.ts";
import { Environment, refusalText } from "./environment.ts";
import { emptySnapshot } from "./node.ts";
import type { NodeOptions, TestNode } from "./node.ts";

const levels = ["debug", "info", "warn", "error", "fatal", "none"];

export class Interaction {
  readonly #env = new Environment();

  /** @returns what the command prints; "ok" for nothing */
  run(command: Command, input: string): string {
    this.#env.output.reset();
    const error = this.#execute(command, input);
    const text = this.#env.output.text + (error ?? "");
    return text === "" ? "ok" : text;
  }

  /** @returns the error that ended the command */
  #execute(command: Command, input: string): string | undefined {
    const env = this.#env;
    const first = command.words[0] ?? "";
    const node = (): TestNode => env.node(BigInt(first));
    switch (command.name) {
      case "_breakpoint":
        return undefined;
      case "log-level":
        this.#setLevel(first);
        return undefined;
      case "add-nodes":
        env.addNodes(Number(first), optionsOf(command), startOf(command));
        return undefined;
      case "campaign":
        node().raft.campaign();
        return undefined;
      case "compact":
        node().storage.compact(Number(command.words[1]));
        this.#printLog(node());
        return undefined;
      case "deliver-msgs":
        this.#deliver(command);
        return undefined;
      case "process-ready":
        this.#forEach(command, "handling Ready", (each) => env.processReady(each));
        return undefined;
      case "process-append-thread":
        this.#forEach(command, "processing append thread", (each) => env.processAppendThread(each));
        return undefined;
      case "process-apply-thread":
        this.#forEach(command, "processing apply thread", (each) => env.processApplyThread(each));
        return undefined;
      case "stabilize":
        this.#stabilize(command);
        return undefined;
      case "propose":
        return refusalText(node().raft.propose(utf8(command.words[1] ?? "")));
      case "propose-conf-change":
        return refusalText(node().raft.proposeConfChange(changeOf(command, input)));
      case "raft-log":
        this.#printLog(node());
        return undefined;
      case "raft-state":
        for (const each of env.nodes) this.#printState(each);
        return undefined;
      case "status":
        for (const progress of node().raft.status().progress) env.output.write(describeProgress(progress));
        return undefined;
      case "send-snapshot":
        this.#sendSnapshot(node(), BigInt(command.words[1] ?? ""));
        return undefined;
      case "set-randomized-election-timeout":
        node().raft.setElectionTimeout(Number(single(command, "timeout")));
        return undefined;
      case "tick-election":
        tick(node(), node().config.electionTicks);
        return undefined;
      case "tick-heartbeat":
        tick(node(), node().config.heartbeatTicks);
        return undefined;
      case "transfer-leadership":
        env.node(BigInt(single(command, "from") ?? "")).raft.transferLeadership(BigInt(single(command, "to") ?? ""));
        return undefined;
      case "forget-leader":
        node().raft.forgetLeader();
        return undefined;
      case "report-unreachable":
        node().raft.reportUnreachable(BigInt(command.words[1] ?? ""));
        return undefined;
      default:
        return `unknown command ${command.name}`;
    }
  }

  #setLevel(name: string): void {
    if (!levels.includes(name.toLowerCase())) throw new Error(`log level must be one of ${levels.join(" ")}`);
    this.#env.output.quiet = name.toLowerCase() === "none";
  }

  #nodes(command: Command): readonly TestNode[] {
    return command.words.map((word) => this.#env.node(BigInt(word)));
  }

  #forEach(command: Command, title: string, action: (node: TestNode) => void): void {
    const nodes = this.#nodes(command);
    for (const node of nodes) {
      if (nodes.length === 1) {
        action(node);
        continue;
      }
      this.#env.output.write(`> ${node.id.toString()} ${title}\n`);
      this.#env.output.indented(() => action(node));
    }
  }

  #stabilize(command: Command): void {
    const { output } = this.#env;
    const before = output.quiet;
    const level = single(command, "log-level");
    if (level !== undefined) this.#setLevel(level);
    this.#env.stabilize(command.words.length > 0 ? this.#nodes(command) : this.#env.nodes);
    output.quiet = before;
  }

  #deliver(command: Command): void {
    const type = single(command, "type");
    let count = 0;
    for (const to of ids(command.words)) count += this.#env.deliver(to, { drop: false, type });
    for (const to of ids(command.options.get("drop"))) count += this.#env.deliver(to, { drop: true, type });
    if (count === 0) this.#env.output.write("no messages\n");
  }

  #printLog(node: TestNode): void {
    const { storage } = node;
    const [first, last] = [storage.firstIndex(), storage.lastIndex()];
    if (last < first) this.#env.output.write(`log is empty: first index=${first}, last index=${last}`);
    else this.#env.output.write(describeEntries(storage.entries(first, last + 1, Number.MAX_SAFE_INTEGER)));
  }

  #printState(node: TestNode): void {
    const { id, role, confState, term, leader } = node.raft.status();
    const votes = confState.voters.includes(id) || confState.votersOutgoing.includes(id);
    const kind = votes ? "(Voter)" : "(Non-Voter)";
    this.#env.output.write(`${id.toString()}: ${roleNames[role]} ${kind} Term:${term} Lead:${leader.toString()}\n`);
  }

  #sendSnapshot(from: TestNode, to: bigint): void {
    const { term } = from.raft.status();
    const message = makeMessage("MsgSnap", { from: from.id, to, term, snapshot: from.state });
    this.#env.post([message]);
    this.#env.output.write(describeMessage(message));
  }
}

function tick(node: TestNode, count: number): void {
  for (let i = 0; i < count; i++) node.raft.tick();
}

function optionsOf(command: Command): NodeOptions {
  const options: { -readonly [K in keyof RaftConfig]?: RaftConfig[K] } = {
    asyncStorageWrites: flag(command, "async-storage-writes"),
    preVote: flag(command, "prevote"),
    checkQuorum: flag(command, "checkquorum"),
    stepDownOnRemoval: flag(command, "step-down-on-removal"),
    disableConfChangeValidation: flag(command, "disable-conf-change-validation"),
    readOnlyOption: single(command, "read-only") === "lease-based" ? "leaseBased" : "safe",
  };
  const inflight = single(command, "inflight");
  if (inflight !== undefined) options.maxInflightMsgs = Number(inflight);
  const committed = single(command, "max-committed-size-per-ready");
  if (committed !== undefined) options.maxCommittedSizePerReady = Number(committed);
  return options;
}

/** The state that the new members share, if any: as after a snapshot at `index` of term 1. */
function startOf(command: Command): Snapshot {
  const index = Number(single(command, "index") ?? 0);
  const voters = ids(command.options.get("voters"));
  const learners = ids(command.options.get("learners"));
  if (index === 0 && voters.length === 0 && learners.length === 0) return emptySnapshot;
  if (index <= 1) throw new Error("members with a configuration start at an index above 1");
  return {
    index,
    term: 1,
    confState: { ...emptyConfState, voters, learners },
    data: utf8(single(command, "content") ?? ""),
  };
}

const transitions: ReadonlyMap<string, ConfChangeTransition> = new Map([
  ["auto", "auto"],
  ["implicit", "jointImplicit"],
  ["explicit", "jointExplicit"],
]);

function changeOf(command: Command, input: string): ConfChange {
  const changes = parseChanges(input);
  const context = new Uint8Array(0);
  const change = changes[0];
  if (flag(command, "v1")) {
    if (changes.length !== 1 || change === undefined) throw new Error("a v1 change has exactly one part");
    return { version: 1, id: 0n, type: change.type, nodeId: change.nodeId, context };
  }
  const transition = transitions.get(single(command, "transition") ?? "auto");
  if (transition === undefined) throw new Error("transition is auto, implicit or explicit");
  return { version: 2, transition, changes, context };
}
