import { execFile } from "node:child_process";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { parseAuthToken } from "@triarch/etcd-server";
import { AuthClient, type Outcome } from "./auth-client.ts";
import { one, setUp } from "./auth-setup.ts";
import { needsEtcdctl } from "./etcd-port.ts";
import { startPlainPort } from "./plain-port.ts";
import { needsEtcd, startRealEtcd } from "./real-etcd.ts";

// Signed tokens on the wire, with keys from files, beside a real etcd that has the same keys and configuration.

t.setTimeout(60_000);
const pem = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048, ...pem });
const dir = t.testdir({ "rsa.pub": rsa.publicKey, "rsa.key": rsa.privateKey });
const configured = `jwt,pub-key=${dir}/rsa.pub,priv-key=${dir}/rsa.key,sign-method=RS256,ttl=10m`;

async function startOurs(t: Test): Promise<string> {
  const authTokens = parseAuthToken(configured, (file) => readFileSync(file, "utf8"));
  const port = await startPlainPort(t.testdir({}), { authTokens });
  t.teardown(() => port.close());
  return port.url;
}
async function startReal(t: Test): Promise<string> {
  const etcd = await startRealEtcd(t.testdir({}), [`--auth-token=${configured}`]);
  t.teardown(() => etcd.close());
  return etcd.url;
}

const parts = (token: string): readonly unknown[] =>
  token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as unknown);

/** What each call ended with: a token that was got, bent, outlived by a change of roles, and got anew. */
async function story(url: string, t: Test): Promise<readonly Outcome[]> {
  const client = new AuthClient(url);
  t.teardown(() => client.close());
  await setUp(client);
  await client.login("root");
  const [head, claims] = parts(client.token("root"));
  t.strictSame(head, { alg: "RS256", typ: "JWT" });
  t.match(claims, { username: "root", revision: 9, exp: Number });
  await client.login("anna");
  const token = client.token("anna");
  const [header = "", body = "", signature = ""] = token.split(".");
  const asRoot = Buffer.from(JSON.stringify({ ...(claims as object), username: "root" })).toString("base64url");
  const hmacHead = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");
  const confused = createHmac("sha256", rsa.publicKey).update(`${hmacHead}.${body}`).digest("base64url");
  const unsigned = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
  const read = (shown: string): Promise<Outcome> => client.call("range", one("a"), { token: shown });
  return [
    await read(token),
    await client.call("range", one("y"), { token }),
    await read(`${header}.${asRoot}.${signature}`),
    await read(`${hmacHead}.${body}.${confused}`),
    await read(`${unsigned}.${body}.`),
    await read("no token"),
    await client.callAs("root", "roleAdd", { name: "another" }), // every token is of an old revision now
    await read(token),
    await client.call("put", one("x"), { token }),
    await client.callAs("root", "roleList", {}),
    await client.login("anna").then(({ code, message }) => ({ code, message, answer: "" })),
    await client.callAs("anna", "range", one("a")),
  ];
}

t.test("tokens are checked as etcd checks them", needsEtcd, async (t) => {
  const ours = await story(await startOurs(t), t);
  t.match(
    ours.map(({ code }) => code),
    [0, 7, 16, 16, 16, 16, 0, 3, 3, 0, 0, 0],
  );
  t.strictSame(ours, await story(await startReal(t), t));
});

t.test("etcdctl logs in", needsEtcdctl, async (t) => {
  const url = await startOurs(t);
  const client = new AuthClient(url);
  t.teardown(() => client.close());
  await setUp(client);
  const etcdctl = (...args: readonly string[]): Promise<string> =>
    new Promise((resolve) => {
      const env = { PATH: process.env["PATH"], ETCDCTL_API: "3" };
      const all = [`--endpoints=${url.replace("http://", "")}`, ...args];
      execFile("etcdctl", all, { env, timeout: 20_000 }, (error, stdout, stderr) => {
        resolve(error === null ? stdout : stderr);
      });
    });
  t.equal(await etcdctl("--user=root:root-pw", "put", "a", "1"), "OK\n");
  t.equal(await etcdctl("--user=anna:anna-pw", "get", "a"), "a\n1\n");
  t.match(await etcdctl("--user=anna:anna-pw", "put", "a", "2"), /etcdserver: permission denied/);
  t.match(await etcdctl("--user=anna:wrong", "get", "a"), /authentication failed, invalid user ID or password/);
  t.match(await etcdctl("get", "a"), /user name is empty/);
  t.match(await etcdctl("--user=root:root-pw", "role", "add", "more"), "Role more created");
  t.equal(await etcdctl("--user=anna:anna-pw", "get", "a"), "a\n1\n", "with a token of the new revision");
});
