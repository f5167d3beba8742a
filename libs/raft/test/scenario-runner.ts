/**
 * The commands of the scenario files:
 *
 *   cluster N [preVote] [checkQuorum] [messageBytes=N]   N members with an empty log that starts at 1/1
 *   campaign ID | tick ID COUNT | propose ID TEXT | read ID NAME | forget-leader ID | transfer FROM TO
 *   partition (1,2) (3) | heal                           who hears whom
 *   lose FROM TYPE [TO] | lose nothing                   messages that are lost on sending
 *   restart ID                                           a crash: only the disk is left
 *   run [ROUNDS]                                         prints what was applied and which reads were answered
 *   state | log ID
 */
import { utf8, utf8Text } from "@triarch/base";
import { Cluster } from "./cluster.ts";
import type { Member } from "./cluster.ts";

export class ScenarioRunner {
  #cluster = new Cluster(1);

  run(command: string): string {
    const [name = "", ...words] = command.split(/\s+/);
    const output = this.#execute(name, words);
    return output.length === 0 ? "ok" : output.join("\n");
  }

  #execute(name: string, words: readonly string[]): string[] {
    const cluster = this.#cluster;
    const member = (at: number): Member => cluster.member(BigInt(words[at] ?? ""));
    switch (name) {
      case "cluster":
        this.#cluster = newCluster(words);
        return [];
      case "campaign":
        member(0).raft.campaign();
        return [];
      case "tick":
        for (let i = 0; i < Number(words[1] ?? 1); i++) member(0).raft.tick();
        return [];
      case "propose":
        return [member(0).raft.propose(utf8(words[1] ?? ""))];
      case "read":
        member(0).raft.readIndex(utf8(words[1] ?? ""));
        return [];
      case "forget-leader":
        member(0).raft.forgetLeader();
        return [];
      case "transfer":
        member(0).raft.transferLeadership(member(1).id);
        return [];
      case "partition":
        cluster.groups = words.map((word) => new Set(word.replace(/[()]/g, "").split(",").map(BigInt)));
        return [];
      case "heal":
        cluster.groups = [];
        return [];
      case "lose":
        cluster.loses = ({ from, to, type }) =>
          from.toString() === words[0] && type === words[1] && (words[2] ?? to.toString()) === to.toString();
        return [];
      case "restart":
        member(0).restart(cluster.rng);
        return [];
      case "run":
        return this.#run(Number(words[0] ?? 1000));
      case "state":
        return [...cluster.members.values()].map(describeState);
      case "log":
        return describeLog(member(0));
      default:
        throw new Error(`unknown command ${name}`);
    }
  }

  #run(rounds: number): string[] {
    const members = [...this.#cluster.members.values()];
    const before = members.map((member) => member.applied.length);
    for (const member of members) member.reads = [];
    this.#cluster.run(rounds);
    return members.flatMap((member, i) => [
      ...member.applied
        .slice(before[i])
        .map(({ term, index, text }) => `${member.id.toString()} applied ${term}/${index} "${text}"`),
      ...member.reads.map(
        (read) => `${member.id.toString()} may read ${utf8Text(read.requestContext)} at ${read.index}`,
      ),
    ]);
  }
}

function newCluster(words: readonly string[]): Cluster {
  const messageBytes = words.find((word) => word.startsWith("messageBytes="))?.split("=")[1];
  return new Cluster(Number(words[0]), {
    preVote: words.includes("preVote"),
    checkQuorum: words.includes("checkQuorum"),
    ...(messageBytes === undefined ? {} : { maxSizePerMsg: Number(messageBytes) }),
  });
}

function describeState(member: Member): string {
  const { role, term, commit, lastIndex, leader } = member.raft.status();
  const follows = leader === 0n ? "nobody" : leader.toString();
  return `${member.id.toString()} ${role} of ${follows} term=${term} commit=${commit} last=${lastIndex}`;
}

function describeLog(member: Member): string[] {
  const entries = member.disk.entries(member.disk.firstIndex(), member.disk.lastIndex() + 1, Number.MAX_SAFE_INTEGER);
  return entries.map((entry) => `${entry.term}/${entry.index} "${utf8Text(entry.data)}"`);
}
