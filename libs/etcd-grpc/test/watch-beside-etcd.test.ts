import { connect } from "node:http2";
import * as proto from "@triarch/etcd-proto";
import { utf8 } from "@triarch/base";
import t, { type Test } from "tap";
import { AuthClient } from "./auth-client.ts";
import { one, setUp } from "./auth-setup.ts";
import { startPlainPort } from "./plain-port.ts";
import { callOnce, RawCall } from "./raw-call.ts";
import { laterPrograms, needsEtcd, startRealEtcd } from "./real-etcd.ts";

// Watch streams over time, told of real etcd and of ours in the same words.

t.setTimeout(60_000);
const put = { input: proto.PutRequest, output: proto.PutResponse };
const watch = { input: proto.WatchRequest, output: proto.WatchResponse };

type Start = (dir: string) => Promise<{ readonly url: string; close(): Promise<void> }>;
const later = laterPrograms("etcd").map(({ version, file }): readonly [string, Start] => [
  version,
  (dir) => startRealEtcd(dir, [], file),
]);
const servers: readonly (readonly [string, Start])[] = [
  ["ours", startPlainPort],
  ["etcd", (dir) => startRealEtcd(dir)],
  ...later,
];

/** The story of each server, which have to be the same; etcd's is left out where it is not installed. */
async function compare(t: Test, story: (t: Test, url: string) => Promise<unknown>, expected: unknown): Promise<void> {
  for (const [name, start] of servers) {
    await t.test(name, name === "etcd" ? needsEtcd : {}, async (t) => {
      const server = await start(t.testdir({}));
      t.teardown(() => server.close());
      t.strictSame(await story(t, server.url), expected);
    });
  }
}

const eventKeys = (received: readonly proto.WatchResponse[]): readonly string[] =>
  received.flatMap(({ events }) => events.map(({ kv }) => Buffer.from(kv?.key ?? []).toString()));

t.test("a client that has asked for all it wants, and ends its side, goes on getting events", async (t) => {
  await compare(
    t,
    async (t, url) => {
      const session = connect(url);
      t.teardown(() => session.destroy());
      const call = new RawCall(session, "/etcdserverpb.Watch/Watch", watch);
      call.send({ createRequest: { key: utf8("h"), rangeEnd: utf8("i") } });
      call.stream.end();
      await call.until((received) => received.length > 0);
      for (const key of ["h1", "h2", "other", "h3"]) {
        await callOnce(session, "/etcdserverpb.KV/Put", put, { key: utf8(key) });
      }
      await call.until((received) => eventKeys(received).length === 3);
      return eventKeys(call.received);
    },
    ["h1", "h2", "h3"],
  );
});

t.test("a watch goes on when its user may not read any more; a new one is refused", async (t) => {
  await compare(
    t,
    async (t, url) => {
      const client = new AuthClient(url);
      t.teardown(() => client.close());
      await setUp(client);
      await client.login("anna");
      const running = client.openWatch({ token: client.token("anna") });
      running.send({ createRequest: one("a") });
      await running.until((received) => received.length > 0);
      await client.callAs("root", "userRevokeRole", { name: "anna", role: "r" });
      await client.callAs("root", "put", one("a"));
      await running.until((received) => eventKeys(received).length > 0);
      running.send({ createRequest: one("b") });
      await running.until((received) => received.some(({ canceled }) => canceled));
      await client.callAs("root", "userDelete", { name: "anna" });
      await client.callAs("root", "put", one("a"));
      await running.until((received) => eventKeys(received).length > 1);
      return running.received.map(({ created, canceled, cancelReason, events }) => {
        return { created, canceled, cancelReason, events: events.length };
      });
    },
    [
      { created: true, canceled: false, cancelReason: "", events: 0 },
      { created: false, canceled: false, cancelReason: "", events: 1 },
      {
        ...{ created: true, canceled: true, events: 0 },
        cancelReason: "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
      },
      { created: false, canceled: false, cancelReason: "", events: 1 },
    ],
  );
});

t.test("what is refused at the creation", async (t) => {
  const requests: readonly proto.Init<typeof proto.WatchRequest>["createRequest"][] = [
    one("b", "a"),
    { ...one("a"), watchId: 7 },
    { ...one("a"), watchId: 7 },
  ];
  await compare(
    t,
    async (t, url) => {
      const session = connect(url);
      t.teardown(() => session.destroy());
      const call = new RawCall(session, "/etcdserverpb.Watch/Watch", watch);
      for (const [i, createRequest] of requests.entries()) {
        call.send({ createRequest });
        await call.until((received) => received.length > i);
      }
      return call.received.map(({ watchId, canceled, cancelReason }) => [watchId, canceled, cancelReason]);
    },
    [
      [-1, true, "mvcc: watcher range is empty"],
      [7, false, ""],
      [-1, true, "mvcc: duplicate watch ID provided on the WatchStream"],
    ],
  );
});
