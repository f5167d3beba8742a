// The store's members as a person sees them: who belongs to the cluster, what each says of itself, and the calls that
// change it. Asked over the etcd ports, of a local cluster or of any that endpoints and certificates are given for.
import { readFile } from "node:fs/promises";
import { connectEtcd, GrpcError, type EtcdClient, type EtcdClientOptions } from "@triarch/etcd-grpc";
import { clusterPaths, etcdUrlOf, requireClusterSpec } from "../cluster/cluster-spec.ts";
import { CommandFailure, messageOf } from "../errors.ts";
import { etcdTls } from "../status/collect.ts";

export interface AccessOptions {
  readonly dataDir: string;
  /** Comma-separated URLs of etcd ports; without them those of the local cluster. */
  readonly endpoints?: string;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface MemberView {
  readonly id: bigint;
  /** Empty: it has not started yet. */
  readonly name: string;
  readonly role: "leader" | "follower" | "learner" | "unstarted" | "unreachable";
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /** Entries behind the member that is furthest; undefined while it does not answer. */
  readonly lag: number | undefined;
}

export interface ClusterView {
  readonly clusterId: bigint;
  readonly members: readonly MemberView[];
}

const answerTimeoutMs = 2_000;
/** A change of membership may wait for a leader, and for the one before it. */
const changeTimeoutMs = 20_000;

export class MemberAccess {
  readonly #endpoints: readonly string[];
  readonly #tls: EtcdClientOptions["tls"];

  constructor(endpoints: readonly string[], tls: EtcdClientOptions["tls"]) {
    this.#endpoints = endpoints;
    this.#tls = tls;
  }

  /** @throws CommandFailure when no cluster or certificate is there */
  static async open(options: AccessOptions): Promise<MemberAccess> {
    if (options.endpoints === undefined) {
      const paths = clusterPaths(options.dataDir);
      const spec = await requireClusterSpec(paths);
      return new MemberAccess(spec.masters.map(etcdUrlOf), await etcdTls(paths));
    }
    const { cacert, cert, key } = options;
    const urls = options.endpoints.split(",").map((text) => text.trim());
    if (cacert === undefined || cert === undefined || key === undefined) {
      throw new CommandFailure("--endpoints needs --cacert, --cert and --key: the etcd port asks for a certificate", {
        exitCode: 2,
      });
    }
    const [caPem = "", certificatePem = "", keyPem = ""] = await Promise.all([cacert, cert, key].map(readPem));
    return new MemberAccess(urls, { caPem, certificatePem, keyPem });
  }

  /** @throws CommandFailure when no endpoint has a leader and answers */
  async view(): Promise<ClusterView> {
    const { header, members } = await this.ask((client) => client.memberList(), answerTimeoutMs);
    const statuses = await Promise.all(
      members.map(async ({ id, clientUrls }) => {
        const status = await this.#statusAt(clientUrls[0]);
        // A replaced member's successor may answer in its place.
        return status?.header?.memberId === id ? status : undefined;
      }),
    );
    const furthest = Math.max(0, ...statuses.map((status) => status?.raftIndex ?? 0));
    return {
      clusterId: header?.clusterId ?? 0n,
      members: members.map(({ id, name, peerUrls, clientUrls, isLearner }, i) => {
        const status = statuses[i];
        const voting = status === undefined ? "unreachable" : status.leader === id ? "leader" : "follower";
        const role = name === "" ? "unstarted" : isLearner && status !== undefined ? "learner" : voting;
        const lag = status === undefined ? undefined : Math.max(0, furthest - status.raftAppliedIndex);
        return { id, name, role, peerUrls, clientUrls, lag };
      }),
    };
  }

  /**
   * Asks the first endpoint that answers and has a vote: a learner refuses almost everything.
   * @throws CommandFailure what it refuses with, or that none answers
   */
  async ask<T>(run: (client: EtcdClient) => Promise<T>, timeoutMs = changeTimeoutMs): Promise<T> {
    const troubles: string[] = [];
    for (const url of this.#endpoints) {
      const client = connectEtcd({ url, ...(this.#tls === undefined ? {} : { tls: this.#tls }), timeoutMs });
      try {
        // Nothing is sent twice: who answers this gets the request.
        const status = await this.#statusAt(url);
        if (status === undefined || status.isLearner) {
          troubles.push(status === undefined ? url : `${url} (a learner)`);
          continue;
        }
        return await run(client);
      } catch (error) {
        throw refusal(error);
      } finally {
        await client.close();
      }
    }
    throw new CommandFailure(`no member answers at ${troubles.join(", ")}`, {
      remedy: "is the cluster running? see `triarch status`",
    });
  }

  /** Asks this endpoint and no other; it has a vote. */
  async askAt<T>(url: string, run: (client: EtcdClient) => Promise<T>): Promise<T> {
    return new MemberAccess([url], this.#tls).ask(run);
  }

  async #statusAt(url: string | undefined): Promise<Awaited<ReturnType<EtcdClient["status"]>> | undefined> {
    if (url === undefined) return undefined;
    const tls = this.#tls === undefined ? {} : { tls: this.#tls };
    const client = connectEtcd({ url, ...tls, timeoutMs: answerTimeoutMs });
    try {
      return await client.status();
    } catch {
      return undefined; // shown as such
    } finally {
      await client.close();
    }
  }
}

/** By name, or by id as `member list` shows it. @throws CommandFailure when there is none, or more than one */
export function findMember(view: ClusterView, nameOrId: string): MemberView {
  const found = view.members.filter(({ id, name }) => name === nameOrId || id.toString(16) === nameOrId);
  const [member] = found;
  if (member !== undefined && found.length === 1) return member;
  const known = view.members.map(({ id, name }) => (name === "" ? id.toString(16) : `${name} (${id.toString(16)})`));
  const why = found.length === 0 ? `there is no member ${nameOrId}` : `more than one member is called ${nameOrId}`;
  throw new CommandFailure(why, { remedy: `members are ${known.join(", ")}; ids are always clear` });
}

const remedies: readonly (readonly [text: string, remedy: string])[] = [
  ["unhealthy cluster", "a voting member is down: bring it back, replace it (`member replace`) or remove it first"],
  ["not enough started members", "too few would be left or running: start those that are added, or add some first"],
  ["in sync with leader", "it is still catching up: try again in a moment"],
  ["too many learner members", "promote or remove the learner that is there first"],
  ["Peer URLs already exists", "another member has this peer URL: choose another, or remove that one"],
  ["can only promote a learner member", "it votes already"],
  ["no leader", "fewer than a majority of the members are running: start the others"],
];

function refusal(error: unknown): unknown {
  if (!(error instanceof GrpcError)) return error;
  const remedy = remedies.find(([text]) => error.message.includes(text))?.[1];
  return new CommandFailure(error.message, { ...(remedy === undefined ? {} : { remedy }), cause: error });
}

async function readPem(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw new CommandFailure(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  });
}
