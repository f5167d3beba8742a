import t from "tap";
import { utf8 } from "@triarch/base";
import { one, setUp, startWithClient } from "./auth-setup.ts";

// Users, roles and the switch change while requests are under way.

t.setTimeout(60_000);

t.test("a stream that was opened before has no more rights than one opened after", async (t) => {
  const { client } = await startWithClient(t);
  const stream = client.openWatch();
  stream.send({ createRequest: one("a") });
  await stream.until((received) => received.length === 1);
  await setUp(client);
  stream.send({ createRequest: one("b") });
  await stream.until((received) => received.length === 2);
  t.match(stream.received, [
    { created: true, canceled: false },
    { created: true, canceled: true, cancelReason: /user name is empty$/ },
  ]);
});

t.test("this process's own requests go on while it is turned on and off", async (t) => {
  const { port, client } = await startWithClient(t);
  let stop = false;
  const write = async (): Promise<number> => {
    for (let count = 0; ; count++) {
      if (stop) return count;
      await port.server.put({ key: utf8("own"), value: utf8(`${count}`) });
      await port.server.range({ key: utf8("own") });
    }
  };
  const writers = [write(), write(), write()];
  await setUp(client);
  for (let round = 0; round < 5; round++) {
    t.match(await client.callAs("root", "disable", {}), { code: 0 });
    t.match(await client.call("enable", {}), { code: 0 });
    t.match(await client.login("root"), { code: 0 }, "tokens are gone with it");
  }
  stop = true;
  for (const count of await Promise.all(writers)) t.ok(count > 0);
});

t.test("a change of users or roles meanwhile is no reason to refuse a request", async (t) => {
  const { client } = await startWithClient(t);
  await setUp(client);
  let stop = false;
  const write = async (): Promise<void> => {
    while (!stop) t.match(await client.callAs("anna", "put", one("p")), { code: 0 });
  };
  const writers = [write(), write(), write(), write()];
  for (let i = 0; i < 30; i++) t.match(await client.callAs("root", "roleAdd", { name: `r${i}` }), { code: 0 });
  stop = true;
  await Promise.all(writers);
});

t.test("a lease that runs out takes its keys along, whoever wrote them", async (t) => {
  const { client, port } = await startWithClient(t);
  await setUp(client);
  await client.callAs("anna", "leaseGrant", { id: 6n, ttl: 2 });
  t.match(await client.callAs("root", "put", { ...one("secret"), lease: 6n }), { code: 0 });
  const gone = Promise.withResolvers<void>();
  port.server.watch(
    { ...one("secret"), startRevision: 0, prevKv: false, noPut: true },
    {
      onEvents: () => (gone.resolve(), true),
      onProgress: () => undefined,
      onCompacted: () => undefined,
      onStopped: () => undefined,
    },
  );
  await gone.promise;
  t.match(await client.callAs("root", "range", one("secret")), { answer: { count: 0 } });
});
