// Benchmarks. Usage: npm run bench -- NAME [--rounds N] [--seconds S] [--only TEXT] [--faults SHARE] [--busy S] [--json]
//   raft    consensus alone: commits/s and latency of three member processes; failover beside three real etcd members;
//           heartbeats of whole masters under heavy reading
//   etcd    the etcd port beside real etcd: puts, transactions, reads, ranges, watches, leases, memory, start;
//           with --only "check perf" what etcdctl measures itself, loads m and l, a minute each
//   api     creates, gets, lists, watches, memory and start of whole masters, each beside its aim
// Each figure is a median of the rounds. Machines are shared and noisy: compare only within one run.
import { parseArgs } from "node:util";
import { benchApi } from "./api/bench-api.ts";
import { benchEtcd } from "./etcd/bench-etcd.ts";
import { benchRaft } from "./raft/bench-raft.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string" },
    faults: { type: "string", default: "1" },
    busy: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
  },
});

const options = {
  rounds: positive("--rounds", values.rounds),
  seconds: positive("--seconds", values.seconds),
  faults: positive("--faults", values.faults),
  busy: positive("--busy", values.busy),
  only: values.only,
  json: values.json,
};

const benchmarks: Readonly<Record<string, () => Promise<string>>> = {
  raft: () => benchRaft(options),
  etcd: () => benchEtcd(options),
  api: () => benchApi(options),
};

const [name = ""] = positionals;
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  process.stderr.write(`which benchmark? one of: ${Object.keys(benchmarks).join(", ")}\n`);
  process.exitCode = 2;
} else {
  console.log(await benchmark());
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  process.stderr.write(`${option} ${text}: a number of 0 or more is wanted\n`);
  process.exit(2);
}
