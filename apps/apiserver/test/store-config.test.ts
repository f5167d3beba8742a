import t from "tap";
import { readStoreTuning } from "../src/server/store-config.ts";

const read = (value: unknown): ReturnType<typeof readStoreTuning> =>
  readStoreTuning(value, "m1.yaml", (path) => `/etc/${path}`);

t.test("everything has a default", (t) => {
  t.strictSame(read(undefined), {});
  t.strictSame(read({}), {});
  t.end();
});

t.test("all of it", (t) => {
  t.strictSame(
    read({
      quotaBytes: 4_000_000_000,
      autoCompactionMode: "revision",
      autoCompactionRetention: 1000,
      hashCheckInterval: "30s",
      snapshots: { every: "1h", directory: "backup", keep: 5, keepAge: "7d", keyFile: "key" },
    }),
    {
      quotaBytes: 4_000_000_000,
      autoCompaction: { mode: "revision", retentionRevisions: 1000 },
      hashCheckIntervalMs: 30_000,
      snapshotSchedule: {
        intervalMs: 3_600_000,
        directory: "/etc/backup",
        keepCount: 5,
        keepAgeMs: 604_800_000,
        keyFile: "/etc/key",
      },
    },
  );
  t.strictSame(read({ autoCompactionRetention: "72h" }), {
    autoCompaction: { mode: "periodic", retentionMs: 259_200_000 },
  });
  t.end();
});

t.test("tokens of those who log in, by keys in files beside the configuration", async (t) => {
  t.strictSame(read({ authToken: "simple" }), { authTokens: { kind: "simple" } });
  t.strictSame(read({ authTokenTtl: "10m" }), { authTokens: { kind: "simple", ttlMs: 600_000 } });
  const dir = t.testdir({ "secret.key": "a shared secret" });
  const options = { authToken: "jwt,sign-method=HS256,priv-key=secret.key,ttl=90s" };
  const keys = { publicKey: "a shared secret", privateKey: "a shared secret" };
  t.strictSame(
    readStoreTuning(options, "m1.yaml", (path) => `${dir}/${path}`),
    { authTokens: { kind: "jwt", algorithm: "HS256", ...keys, ttlSeconds: 90 } },
  );
  t.throws(() => read(options), /store.authToken is wrong: the key file secret.key can't be read/);
});

t.test("mistakes are named with their key", (t) => {
  for (const [value, message] of [
    [3, /store must be a map/],
    [{ qouta: 1 }, /store has "qouta"; known are quotaBytes/],
    [{ quotaBytes: -1 }, /store.quotaBytes must be a whole number/],
    [{ autoCompactionMode: "weekly" }, /store.autoCompactionRetention is wrong/],
    [{ hashCheckInterval: "often" }, /store.hashCheckInterval "often" is not a duration/],
    [{ authToken: "kerberos" }, /store.authToken is wrong: "kerberos" is neither/],
    [{ authToken: "jwt,priv-key=x" }, /store.authToken is wrong: sign-method must be one of/],
    [{ snapshots: { directory: "x" } }, /store.snapshots.every is missing/],
    [{ snapshots: { every: "1s", directory: "x" } }, /store.snapshots is wrong: .*at least 10 s/],
    [{ snapshots: { every: "1h", directory: "x", when: 1 } }, /store.snapshots has "when"/],
  ] as const) {
    t.throws(() => read(value), message);
  }
  t.end();
});
