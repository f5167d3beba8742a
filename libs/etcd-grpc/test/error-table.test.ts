import t from "tap";
import { AuthClient } from "./auth-client.ts";
import { Fixtures, prepare } from "./error-fixtures.ts";
import { rows } from "./error-rows.ts";
import { laterPrograms, startRealEtcd } from "./real-etcd.ts";

// etcd's table of errors, row by row: each text with its code, as it comes over the wire.

t.setTimeout(60_000);

t.test("every row is answered, or listed with the reason why it can't be", async (t) => {
  const fixtures = new Fixtures(t);
  for (const [code, text, how] of rows) {
    if ("unreachable" in how) {
      t.comment(`unreachable: ${text}: ${how.unreachable}`);
      continue;
    }
    const outcome = await how.ask(await fixtures.client(how.on));
    t.strictSame([outcome.code, outcome.message], [code, `etcdserver: ${text}`], text);
  }
});

t.test("a later etcd says the same where it can be brought to", async (t) => {
  for (const { version, file } of laterPrograms("etcd")) {
    const etcd = await startRealEtcd(t.testdir({}), [], file);
    t.teardown(() => etcd.close());
    const client = new AuthClient(etcd.url);
    t.teardown(() => client.close());
    await prepare(client);
    for (const [code, text, how] of rows) {
      if ("unreachable" in how || how.on !== "peer") continue;
      const outcome = await how.ask(client);
      t.strictSame([outcome.code, outcome.message], [code, `etcdserver: ${text}`], `${version}: ${text}`);
    }
  }
});
