// Debian's etcdctl after sourcing etcd.env.
import type { Test } from "tap";
import { must, type TestCluster } from "../../support/cluster.ts";

export function etcdctlWorks(t: Test, cluster: TestCluster): void {
  const etcdctl = async (...args: readonly string[]): Promise<string> =>
    must(`etcdctl ${args.join(" ")}`, await cluster.etcdctl(args));

  t.test("etcdctl puts, gets and deletes", async (t) => {
    t.equal(await etcdctl("put", "greeting", "hello"), "OK\n");
    t.equal(await etcdctl("get", "greeting"), "greeting\nhello\n");
    t.equal(await etcdctl("del", "greeting"), "1\n");
    t.equal(await etcdctl("get", "greeting"), "");
  });

  t.test("etcdctl sees three healthy members and one leader", async (t) => {
    const members = (await etcdctl("member", "list")).trim().split("\n");
    t.equal(members.length, 3);
    const status = JSON.parse(await etcdctl("endpoint", "status", "--cluster", "-w", "json")) as readonly {
      readonly Status: { readonly leader: number; readonly header: { readonly member_id: number }; version: string };
    }[];
    t.equal(status.filter(({ Status }) => Status.leader === Status.header.member_id).length, 1);
    t.equal(new Set(status.map(({ Status }) => Status.leader)).size, 1, "all name the same leader");
    await etcdctl("endpoint", "health", "--cluster");
  });

  t.test("etcdctl reads what kubectl wrote", async (t) => {
    t.match(
      await etcdctl("get", "/registry/deployments/default/hello", "--keys-only"),
      "/registry/deployments/default/hello",
    );
  });
}
