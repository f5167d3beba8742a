import t from "tap";
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { MemberConfig, Order, Report } from "./member-process.ts";
import { tempDir, texts, until } from "./support.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const noReport: Report = { leader: 0, term: 0, count: 0 };

class Member {
  readonly config: MemberConfig;
  report: Report = noReport;
  #child: ChildProcess | undefined;

  constructor(config: MemberConfig) {
    this.config = config;
  }

  start(): void {
    this.report = noReport;
    const child = fork(join(import.meta.dirname, "member-process.ts"), [JSON.stringify(this.config)]);
    child.on("message", (report: Report) => (this.report = report));
    this.#child = child;
  }

  order(order: Order): void {
    this.#child?.send(order);
  }

  async items(): Promise<readonly string[]> {
    const { items: _old, ...report } = this.report;
    this.report = report; // else the answer before would do, without ever waiting
    this.order({ list: true });
    await until("the list", () => this.report.items !== undefined);
    return this.report.items ?? [];
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

t.setTimeout(100_000); // nine processes are started

t.test("kill -9 of the leader, again and again: a new one at once, nothing committed is lost", async (t) => {
  const dir = tempDir(t);
  const ports = { 1: await freePort(), 2: await freePort(), 3: await freePort() };
  const members = ([1, 2, 3] as const).map(
    (id) => new Member({ id, dir: join(dir, String(id)), port: ports[id], ports }),
  );
  t.teardown(() => Promise.all(members.map((member) => member.kill())).then(() => undefined));
  for (const member of members) member.start();
  const leaderAmong = async (among: readonly Member[]): Promise<Member> => {
    const ids = among.map(({ config }) => config.id);
    await until("a leader", () =>
      among.every(({ report }) => report.leader === among[0]?.report.leader && ids.includes(report.leader)),
    );
    return among.find(({ config, report }) => config.id === report.leader) as Member;
  };
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const leader = await leaderAmong(members);
    const survivors = members.filter((member) => member !== leader);
    const batch = texts(`round${round}`, 500);
    leader.order({ propose: batch.slice(0, 400) });
    await until("applied by the leader", () => leader.report.count >= acknowledged.length + 400);
    acknowledged.push(...batch.slice(0, 400));
    leader.order({ propose: batch.slice(400) });
    const killedMs = performance.now();
    await leader.kill();
    const next = await leaderAmong(survivors);
    t.pass(`round ${round}: ${(performance.now() - killedMs).toFixed(0)} ms to the next leader`);
    const goOn = `go on ${round}`;
    next.order({ propose: [goOn] });
    // The last of the dead leader's proposals may or may not be there.
    await until("goes on", () => next.report.count > acknowledged.length);
    let items = await next.items();
    while (!items.includes(goOn)) items = await next.items();
    t.strictSame(items.slice(0, acknowledged.length), acknowledged);
    acknowledged.splice(0, Number.POSITIVE_INFINITY, ...items);
    leader.start();
    await until("back and caught up", () => leader.report.count >= acknowledged.length);
    t.strictSame((await leader.items()).slice(0, acknowledged.length), acknowledged);
  }
});

t.test("kill -9 of all three at once: what was committed is there again", async (t) => {
  const dir = tempDir(t);
  const ports = { 1: await freePort(), 2: await freePort(), 3: await freePort() };
  const members = ([1, 2, 3] as const).map(
    (id) => new Member({ id, dir: join(dir, String(id)), port: ports[id], ports }),
  );
  t.teardown(() => Promise.all(members.map((member) => member.kill())).then(() => undefined));
  for (const member of members) member.start();
  await until("a leader", () => members.every(({ report }) => report.leader !== 0));
  members[0]?.order({ propose: texts("x", 300) });
  await until("applied somewhere", () => members.some(({ report }) => report.count === 300));
  await Promise.all(members.map((member) => member.kill()));
  for (const member of members) member.start();
  await until("applied everywhere", () => members.every(({ report }) => report.count === 300));
  t.strictSame(await members[1]?.items(), texts("x", 300));
});
