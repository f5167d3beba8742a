/** One member in a process of its own, so that it can be killed as a machine would kill it. Told what to do by messages. */
import { seededRng, utf8 } from "@triarch/base";
import { startRaftNode } from "../src/index.ts";
import { ListMachine } from "./support.ts";

export interface MemberConfig {
  readonly id: number;
  readonly dir: string;
  readonly port: number;
  readonly ports: Readonly<Record<number, number>>;
}

export type Order = { readonly propose: readonly string[] } | { readonly stop: true };

export interface Report {
  readonly leader: number;
  readonly term: number;
  readonly items: readonly string[];
}

const config = JSON.parse(process.argv[2] ?? "") as MemberConfig;
const machine = new ListMachine();
const node = await startRaftNode({
  id: BigInt(config.id),
  clusterId: 7n,
  dir: config.dir,
  initialMembers: Object.entries(config.ports).map(([id, port]) => ({
    id: BigInt(id),
    peerUrl: `http://127.0.0.1:${port}`,
  })),
  listen: { host: "127.0.0.1", port: config.port },
  stateMachine: machine,
  rng: seededRng(config.id),
  onFatal: (error) => {
    throw error;
  },
});

let reported = "";
const reports = setInterval(() => {
  const key = `${node.leader}/${node.term}/${machine.items.length}`;
  if (key === reported) return;
  reported = key;
  process.send?.({ leader: Number(node.leader), term: node.term, items: machine.items } satisfies Report);
}, 2);

const stop = async (): Promise<void> => {
  clearInterval(reports);
  await node.stop();
  process.disconnect?.();
};
process.on("message", (order: Order) => {
  if ("stop" in order) void stop();
  else for (const item of order.propose) node.propose(utf8(item));
});
process.on("disconnect", () => process.exit());
