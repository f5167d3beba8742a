import { execFile } from "node:child_process";
import t, { type Test } from "tap";
import { utf8 } from "@triarch/base";
import type { EtcdServer } from "@triarch/etcd-server";
import { connectionFlags, makeCredentials, openPort } from "./etcd-port.ts";
import { startLoneStore } from "./lone-store.ts";
import { laterPrograms } from "./real-etcd.ts";

// Later lines of etcdctl, unmodified, over mutual TLS: every command once, and what it prints.

t.setTimeout(120_000); // each run of etcdctl takes its time on a machine shared with whatever else runs

/** After a "|": what is typed into it. `{}` stands for what the pattern before it found in parentheses. */
const commands: readonly (readonly [string, RegExp])[] = [
  ["put a 1", /^OK$/m],
  ["put a 2 --prev-kv", /OK\na\n1$/m],
  ["put b 1", /^OK$/m],
  ["get a", /^a\n2$/m],
  ["get a z --keys-only", /^a\n\nb\n/],
  [
    "get --prefix a -w json",
    /"kvs":\[\{"key":"YQ==","create_revision":2,"mod_revision":3,"version":2,"value":"Mg=="\}\]/,
  ],
  ["get --rev=2 a --print-value-only", /^1$/m],
  ["get --rev=99 a", /required revision is a future revision/],
  ['txn | value("a") = "2"\n\nget a\n\nget b\n\n', /SUCCESS\n\na\n2/],
  ["del b", /^1$/m],
  ["compaction 2", /compacted revision 2/],
  ["compaction 2 --physical", /required revision has been compacted/],
  ["lease grant 600", /lease ([0-9a-f]+) granted with TTL\(600s\)/],
  ["put leased x --lease={}", /^OK$/m],
  ["lease timetolive {} --keys", /granted with TTL\(600s\).*attached keys\(\[leased\]\)/],
  ["lease keep-alive {} --once", /keepalived with TTL\(600\)/],
  ["lease list", /found 1 leases/],
  ["lease revoke {}", /lease [0-9a-f]+ revoked/],
  ["lock l echo held", /held/],
  ["watch --rev=3 a -- true", /PUT\na\n2/],
  ["member list", /, started, m1, http:\/\/127\.0\.0\.1:0, /],
  ["member add m2 --learner --peer-urls=http://127.0.0.1:1", /Member +([0-9a-f]+) added/],
  ["member promote {}", /can only promote a learner member which is in sync with leader/],
  ["member remove {}", /Member +[0-9a-f]+ removed from cluster/],
  ["endpoint health", /is healthy: successfully committed proposal/],
  ["endpoint status -w json", /"version":"3\.6\.5","dbSize":[0-9]+,"leader":[0-9]+/],
  ["endpoint hashkv", /:[0-9]+, [0-9]+/],
  ["defrag", /Finished defragmenting etcd member/],
  ["move-leader 1", /bad leader transferee/],
  ["alarm list", /^$/],
  ["alarm disarm", /^$/],
  ["snapshot save {dir}/saved.db", /Snapshot saved at/],
  ["version", /etcdctl version: 3/],
  ["auth status", /Authentication Status: false/],
  ["user add root:root-pw", /User root created/],
  ["user grant-role root root", /Role root is granted to user root/],
  ["role add r", /Role r created/],
  ["role grant-permission r --prefix=true readwrite /r/", /Role r updated/],
  ["role get r", /KV Read:\n\t\[\/r\/, \/r0\) \(prefix \/r\/\)/],
  ["user add anna:anna-pw", /User anna created/],
  ["user grant-role anna r", /Role r is granted to user anna/],
  ["auth enable", /Authentication Enabled/],
  ["--user=anna:anna-pw put /r/1 x", /^OK$/m],
  ["--user=anna:anna-pw put other x", /permission denied/],
  ["--user=anna:wrong get a", /authentication failed, invalid user ID or password/],
  ["--user=root:root-pw user list", /anna\nroot/],
  ["--user=root:root-pw role revoke-permission r --prefix=true /r/", /is revoked from role r/],
  ["--user=root:root-pw user delete anna", /User anna deleted/],
  ["--user=root:root-pw auth disable", /Authentication Disabled/],
];

function run(program: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { env: { PATH: process.env["PATH"] }, timeout: 20_000 },
      (_, stdout, stderr) => resolve(stdout + stderr.replace(/^\{"level".*\n/gm, "")),
    );
    child.stdin?.end(input);
  });
}

/** Starts a server and runs all commands against it. */
async function runAll(t: Test, program: string): Promise<void> {
  const dir = t.testdir({});
  const credentials = await makeCredentials();
  const port = await openPort({ dir, store: await startLoneStore(dir), credentials });
  t.teardown(() => port.close());
  const flags = connectionFlags({ dir, urls: [port.url], credentials })(credentials.client);
  let found = "";
  for (const [command, expected] of commands) {
    if (command.startsWith("snapshot")) await fill(port.server); // so much that the client measures its line by pings
    const [line = "", input = ""] = command.replace("{dir}", dir).replace("{}", found).split(" | ");
    const said = await run(program, [...flags, ...line.split(" ")], input.replaceAll("\\n", "\n"));
    t.match(said, expected, command);
    found = expected.exec(said)?.[1] ?? found;
  }
}

async function fill(server: EtcdServer): Promise<void> {
  for (let i = 0; i < 300; i++) await server.put({ key: utf8(`/large/${i % 50}`), value: new Uint8Array(10_000) });
}

const programs = laterPrograms("etcdctl");
t.test("a later etcdctl", { skip: programs.length > 0 ? false : "no later etcdctl is here" }, async (t) => {
  for (const { version, file } of programs) await t.test(version, (t) => runAll(t, file));
});
