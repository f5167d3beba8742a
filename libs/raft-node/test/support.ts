import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng, utf8, utf8Text } from "@triarch/base";
import type { Entry } from "@triarch/raft";
import { startRaftNode } from "../src/index.ts";
import type {
  LogPosition,
  OutgoingSnapshot,
  RaftNode,
  RaftNodeOptions,
  SnapshotMeta,
  StateMachine,
} from "../src/index.ts";

interface Teardown {
  teardown(run: () => void | Promise<void>): void;
}

export function tempDir(t: Teardown): string {
  const dir = mkdtempSync(join(tmpdir(), "triarch-raft-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Checks again in every turn of the loop. */
export async function until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const giveUpMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A list of texts; the disk survives the node, the list in memory does not. */
export class ListMachine implements StateMachine {
  readonly disk: { index: number; term: number; items: string[] };
  applied: LogPosition;
  items: string[];
  snapshotsSent = 0;
  snapshotsInstalled = 0;
  readonly changes: string[] = [];

  constructor(disk: ListMachine["disk"] = { index: 0, term: 0, items: [] }) {
    this.disk = disk;
    this.items = [...disk.items];
    this.applied = { index: disk.index, term: disk.term };
  }

  apply(entries: readonly Entry[], position: LogPosition): void {
    if (position.index <= this.applied.index) throw new Error(`applied ${position.index} after ${this.applied.index}`);
    for (const entry of entries) this.items.push(utf8Text(entry.data));
    this.applied = position;
  }

  confChanged(_confState: unknown, entry: Entry, context: Uint8Array): void {
    this.changes.push(utf8Text(context));
    this.applied = entry;
  }

  durableIndex(): number {
    return this.disk.index;
  }

  flush(): void {
    Object.assign(this.disk, { index: this.applied.index, term: this.applied.term, items: [...this.items] });
  }

  snapshotStream(): OutgoingSnapshot {
    this.snapshotsSent += 1;
    const { index, term } = this.disk;
    const bytes = utf8(JSON.stringify(this.disk.items));
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    };
    return { index, term, chunks: pieces() };
  }

  async installSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.items = JSON.parse(Buffer.concat(parts).toString("utf8")) as string[];
    this.applied = { index: meta.index, term: meta.term };
    this.snapshotsInstalled += 1;
    this.flush();
  }
}

export interface TestMember {
  readonly id: bigint;
  readonly dir: string;
  machine: ListMachine;
  node: RaftNode | undefined;
  readonly fatal: Error[];
}

/** Members in one process, over loopback. */
export class TestCluster {
  readonly members: TestMember[];
  readonly #options: Partial<RaftNodeOptions>;
  readonly #urls = new Map<bigint, string>();

  constructor(t: Teardown, ids: readonly bigint[], options: Partial<RaftNodeOptions> = {}) {
    this.#options = options;
    const root = tempDir(t);
    this.members = ids.map((id) => ({ ...this.#fresh(root, id), fatal: [] }));
    t.teardown(() => this.stop());
  }

  #fresh(root: string, id: bigint): Omit<TestMember, "fatal"> {
    return { id, dir: join(root, id.toString()), machine: new ListMachine(), node: undefined };
  }

  async start(which: readonly TestMember[] = this.members, more: Partial<RaftNodeOptions> = {}): Promise<void> {
    await Promise.all(which.map((member) => this.startOne(member, more)));
  }

  async startOne(member: TestMember, more: Partial<RaftNodeOptions> = {}): Promise<RaftNode> {
    member.machine = new ListMachine(member.machine.disk);
    const scheme = this.#options.tls === undefined ? "http" : "https";
    const node = await startRaftNode({
      id: member.id,
      clusterId: 0xc1n,
      dir: member.dir,
      initialMembers: this.members.map(({ id }) => ({ id, peerUrl: "" })),
      peerUrlOf: (id) => this.#urls.get(id),
      listen: { host: "127.0.0.1", port: 0 },
      stateMachine: member.machine,
      rng: seededRng(Number(member.id) * 7919 + 1),
      onFatal: (error) => member.fatal.push(error),
      ...this.#options,
      ...more,
    });
    this.#urls.set(member.id, `${scheme}://127.0.0.1:${node.peerAddress.port}`);
    member.node = node;
    return node;
  }

  get running(): TestMember[] {
    return this.members.filter((member) => member.node !== undefined);
  }

  async leader(): Promise<TestMember & { node: RaftNode }> {
    const leaders = (): TestMember[] => this.running.filter(({ node }) => node?.isLeader === true);
    await until("one leader that all follow", () => {
      const [leader] = leaders();
      return leaders().length === 1 && this.running.every(({ node }) => node?.leader === leader?.id);
    });
    return leaders()[0] as TestMember & { node: RaftNode };
  }

  async applied(count: number, which: readonly TestMember[] = this.running): Promise<void> {
    await until(`${count} items on ${which.map(({ id }) => id).join()}`, () =>
      which.every(({ machine }) => machine.items.length >= count),
    );
  }

  async stopOne(member: TestMember, handOver = false): Promise<void> {
    const { node } = member;
    member.node = undefined;
    await node?.stop({ handOver });
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.map((member) => this.stopOne(member)));
  }
}

export function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
}

export function proposeAll(node: RaftNode, items: readonly string[]): void {
  for (const item of items) {
    const outcome = node.propose(utf8(item));
    if (outcome !== "accepted") throw new Error(`${item}: ${outcome}`);
  }
}
