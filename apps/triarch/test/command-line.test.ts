import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import {
  clusterPaths,
  hostPorts,
  newClusterSpec,
  readClusterSpec,
  writeClusterSpec,
} from "../src/cluster/cluster-spec.ts";
import { requireFreePorts } from "../src/cluster/ports.ts";
import { parseShape } from "../src/commands/up.ts";
import { CommandFailure } from "../src/errors.ts";
import { renderDrillPage } from "../src/drill/report-page.ts";
import { longestGap } from "../src/drill/write-load.ts";
import { setUpPlan, tearDownPlan } from "../src/network/host-network.ts";
import { renderTable } from "../src/output/table.ts";
import { SupervisedProcess } from "../src/supervisor/child-process.ts";
import { isRunning, processStartTime } from "../src/supervisor/running-process.ts";

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), "triarch-cli-"));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

t.test("tables align whatever colours say, with nothing behind the last column", async (t) => {
  const red = `${String.fromCharCode(27)}[31mdown${String.fromCharCode(27)}[39m`;
  t.equal(
    renderTable(
      ["NAME", "STATE"],
      [
        ["a", red],
        ["longer", "x"],
      ],
    ),
    `NAME     STATE\na        ${red}\nlonger   x`,
  );
});

t.test("a cluster's shape is kept; foreign and unreadable directories are refused untouched", async (t) => {
  const dir = folder(t);
  const paths = clusterPaths(join(dir, "new"));
  t.equal(await readClusterSpec(paths), undefined);
  const spec = newClusterSpec({ masters: 3, workers: 2, runtime: "docker", basePort: 7000 });
  await writeClusterSpec(paths, spec);
  t.same(await readClusterSpec(paths), spec);
  t.equal(new Set(hostPorts(spec)).size, hostPorts(spec).length, "no port is used twice");
  writeFileSync(join(dir, "letter.txt"), "private");
  await t.rejects(readClusterSpec(clusterPaths(dir)), /is not a triarch data directory/);
  writeFileSync(paths.spec, "{broken");
  await t.rejects(readClusterSpec(paths), /cannot use .*cluster\.json/);
  t.equal(readFileSync(join(dir, "letter.txt"), "utf8"), "private");
});

t.test("numbers of masters that make no sense are refused with the reason", async (t) => {
  t.equal(parseShape("3", "masters"), 3);
  for (const text of ["0", "2", "9", "x", "1.5"]) t.throws(() => parseShape(text, "masters"), CommandFailure);
  t.throws(() => parseShape("4", "masters"), /even number/);
});

t.test("a busy port is named", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  await t.rejects(requireFreePorts([port]), new RegExp(`port ${port} on 127.0.0.1 is in use`));
});

t.test("what the network plan makes the other plan takes away, and every name carries the cluster id", async (t) => {
  const spec = newClusterSpec({ masters: 3, workers: 2, runtime: "docker", basePort: 7000 });
  const up = setUpPlan(spec).map((words) => words.join(" "));
  const down = tearDownPlan(spec).map((words) => words.join(" "));
  for (const made of up.filter((line) => / netns add | link add /.test(line))) {
    const name = /(?:netns|link) add (\S+)/.exec(made)?.[1] ?? "";
    t.match(name, spec.clusterId);
    t.ok(
      down.some((line) => line.endsWith(`del ${name}`)),
      `${name} is removed`,
    );
  }
  t.equal(
    up.filter((line) => line.includes("iptables -w -I")).length,
    down.filter((line) => line.includes("iptables -w -D")).length,
  );
});

t.test("the longest gap, and a page that shows it", async (t) => {
  t.same(longestGap([1, 2, 10, 12]), { gapMs: 8, fromMs: 2 });
  const page = renderDrillPage({
    drill: "leader-kill",
    startedAt: "2026-01-01T00:00:00Z",
    leaderBefore: "m1",
    leaderAfter: "m2",
    writes: { acknowledged: 3, refused: 0, unknown: 0 },
    longestGapMs: 8,
    timeToLeaderMs: 5,
    lostWrites: 0,
    catchUpMs: 1,
    checks: [
      { name: "<script>", result: "failed", detail: "" },
      { name: "other", result: "skipped", detail: "" },
    ],
    passed: false,
    acknowledgedAtMs: [-200, -100, 50, 400],
  });
  t.match(page, "&lt;script&gt;");
  t.notMatch(page, "<script>");
  t.match(page, '<td class="sub">skipped</td>', "what was not looked at is not shown as good");
});

t.test("a process that dies is started again, a held one is not, a stopped one is gone", async (t) => {
  const dir = folder(t);
  const said: string[] = [];
  let changed = Promise.withResolvers<void>();
  const one = new SupervisedProcess({ name: "sleeper", group: "node", command: ["sleep", "60"] }, dir, {
    say: (line) => said.push(line),
    changed: () => changed.resolve(),
  });
  t.teardown(() => one.stop());
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      changed = Promise.withResolvers();
      await changed.promise;
    }
  };
  one.start();
  const first = one.status.pid ?? 0;
  process.kill(first, "SIGKILL");
  await until(() => one.status.state === "running" && one.status.pid !== first);
  t.equal(one.status.restarts, 1);
  t.match(said, [/sleeper ended \(signal SIGKILL\); starting it again in 0\.2 s/]);
  one.hold();
  const second = one.status.pid ?? 0;
  t.ok(isRunning({ name: "s", pid: second, startTime: processStartTime(second) ?? "" }));
  process.kill(second, "SIGKILL");
  await until(() => one.status.state === "held");
  one.start();
  const third = one.status.pid ?? 0;
  await one.stop();
  t.equal(one.status.state, "stopped");
  t.equal(isRunning({ name: "s", pid: third, startTime: "1" }), false);
});
