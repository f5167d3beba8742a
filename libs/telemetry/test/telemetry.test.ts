import t from "tap";
import { Counter, createLogger, createRegistry, parseLogLevels, startHealthServer } from "@triarch/telemetry";

t.test("one JSON line per event, with the component's own level", async (t) => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ component: "raft", levels: "info,raft=debug,http=warn", destination });
  logger.child({ member: "m1" }).debug({ term: 3 }, "became leader");
  createLogger({ component: "http", levels: "info,http=warn", destination }).info({}, "not shown");
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ""), {
    level: "debug",
    component: "raft",
    member: "m1",
    term: 3,
    msg: "became leader",
  });
  t.throws(() => parseLogLevels("raft=loud"), /raft=loud/);
});

t.test("health endpoints answer, name what failed, and show metrics", async (t) => {
  const registry = createRegistry("test");
  new Counter({ name: "things_total", help: "things", registers: [registry] }).inc(2);
  let problem: string | undefined = "still syncing";
  const server = await startHealthServer({
    host: "127.0.0.1",
    port: 0,
    registry,
    readyz: [{ name: "informer-sync", check: () => problem }],
  });
  t.teardown(() => server.close());
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { code: answer.status, text: await answer.text() };
  };
  t.same(await ask("/livez"), { code: 200, text: "ok" });
  t.match(await ask("/readyz"), { code: 503, text: /\[-\]informer-sync failed: still syncing/ });
  problem = undefined;
  t.same(await ask("/readyz"), { code: 200, text: "ok" });
  t.match((await ask("/metrics")).text, /things_total\{component="test"\} 2/);
  await t.rejects(startHealthServer({ host: "127.0.0.1", port: server.port, registry }), { code: "EADDRINUSE" });
});

// Regression: `etcdctl check datascale` could not read a labelled figure.
t.test("a registry without a component: figures stand without labels, as etcdctl reads them", async (t) => {
  t.match(await createRegistry().metrics(), /\nprocess_resident_memory_bytes \d+\n/);
  t.match(await createRegistry("c").metrics(), /\nprocess_resident_memory_bytes\{component="c"\} \d+\n/);
});
