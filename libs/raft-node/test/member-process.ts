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

export type Order = { readonly propose: readonly string[] } | { readonly list: true };

/** Sent when something has changed; `items` only when asked for. */
export interface Report {
  readonly leader: number;
  readonly term: number;
  readonly count: number;
  readonly items?: readonly string[];
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

const report = (): Report => ({ leader: Number(node.leader), term: node.term, count: machine.items.length });
let reported = "";
setInterval(() => {
  const now = JSON.stringify(report());
  if (now !== reported) process.send?.(report());
  reported = now;
}, 5);

process.on("message", (order: Order) => {
  if ("list" in order) process.send?.({ ...report(), items: machine.items } satisfies Report);
  else for (const item of order.propose) node.propose(utf8(item));
});
process.on("disconnect", () => process.exit());
