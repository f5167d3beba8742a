import t from "tap";
import { gatewayRoutes } from "../src/gateway-routes.ts";
import { startPlainPort } from "./plain-port.ts";
import { laterPrograms, needsEtcd, startRealEtcd } from "./real-etcd.ts";

// Each path of the JSON gateway asked of real etcd and of ours: HTTP status, and the JSON to the last field.

t.setTimeout(60_000);
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const key = base64("k");

interface Exchange {
  readonly path: string;
  readonly body: unknown;
  /** Who logs in for it, with the password `NAME-pw`. */
  readonly as?: string;
}

const post = (path: string, body: unknown = {}, as = ""): Exchange => ({ path: `/v3/${path}`, body, as });

const exchanges: readonly Exchange[] = [
  post("kv/range"),
  post("kv/put", { key, value: key, lease: "404" }),
  post("kv/put", { key, value: key }),
  post("kv/put", { key, value: base64("two"), prev_kv: true }),
  post("kv/range", { key, revision: "99" }),
  post("kv/range", { key, serializable: true, sort_order: "DESCEND", sort_target: "VALUE" }),
  post("kv/txn", { compare: [{ key, target: "VERSION", version: "2" }], success: [{ request_range: { key } }] }),
  post("kv/txn", { success: [{ request_put: { key, value: key } }, { request_put: { key, value: key } }] }),
  post("kv/deleterange", { key, prev_kv: true }),
  post("kv/compaction", { revision: "2" }),
  post("kv/compaction", { revision: "2" }),
  post("kv/compaction", { revision: "99" }),
  post("lease/grant", { ID: "7", TTL: "100" }),
  post("lease/grant", { ID: "7", TTL: "100" }),
  post("lease/grant", { TTL: "9000000001" }),
  post("lease/keepalive", { ID: "7" }),
  post("lease/timetolive", { ID: "7" }),
  post("kv/lease/timetolive", { ID: "8" }),
  post("lease/leases"),
  post("kv/lease/leases"),
  post("lease/revoke", { ID: "7" }),
  post("kv/lease/revoke", { ID: "7" }),
  post("cluster/member/list"),
  post("cluster/member/add", { peerURLs: ["nonsense"] }),
  post("cluster/member/remove", { ID: "404" }),
  post("cluster/member/update", { ID: "404", peerURLs: ["http://127.0.0.1:1"] }),
  post("cluster/member/promote", { ID: "404" }),
  post("maintenance/status"),
  post("maintenance/alarm"),
  post("maintenance/defragment"),
  post("maintenance/transfer-leadership", { targetID: "404" }),
  post("auth/disable"),
  post("auth/enable"),
  post("auth/authenticate", { name: "root", password: "root-pw" }),
  post("auth/user/add", { name: "root", password: "root-pw" }),
  post("auth/user/add", { name: "root", password: "root-pw" }),
  post("auth/user/add", {}),
  post("auth/user/add", { name: "anna", password: "anna-pw" }),
  post("auth/user/get", { name: "nobody" }),
  post("auth/user/list"),
  post("auth/user/changepw", { name: "nobody", password: "x" }),
  post("auth/user/changepw", { name: "anna", password: "anna-pw" }),
  post("auth/enable"),
  post("auth/role/add", { name: "root" }),
  post("auth/role/add", { name: "r" }),
  post("auth/role/add", { name: "r" }),
  post("auth/role/add", {}),
  post("auth/role/grant", { name: "none", perm: { permType: "READ", key } }),
  post("auth/role/grant", { name: "r", perm: { permType: "READWRITE", key, range_end: base64("l") } }),
  post("auth/role/get", { role: "r" }),
  post("auth/role/get", { role: "none" }),
  post("auth/role/list"),
  post("auth/role/revoke", { role: "r", key: base64("other") }),
  post("auth/user/grant", { user: "root", role: "root" }),
  post("auth/user/grant", { user: "anna", role: "r" }),
  post("auth/user/grant", { user: "anna", role: "none" }),
  post("auth/user/get", { name: "anna" }),
  post("auth/user/revoke", { name: "anna", role: "root" }),
  post("auth/enable"),
  post("kv/range", { key }),
  post("auth/authenticate", { name: "anna", password: "wrong" }),
  post("auth/authenticate", { name: "anna", password: "anna-pw" }),
  post("kv/put", { key, value: key }, "anna"),
  post("kv/put", { key: base64("z"), value: key }, "anna"),
  post("auth/user/list", {}, "anna"),
  post("cluster/member/remove", { ID: "404" }, "anna"),
  post("watch", { create_request: { key: base64("z") } }, "anna"),
  post("auth/role/revoke", { role: "r", key, range_end: base64("l") }, "root"),
  post("auth/user/delete", { name: "anna" }, "root"),
  post("auth/role/delete", { role: "r" }, "root"),
  post("auth/role/delete", { role: "r" }, "root"),
  post("auth/disable", {}, "root"),
  post("lock/lock", { name: base64("l"), lease: "404" }),
  post("lock/unlock"),
  post("election/campaign", { name: base64("l"), lease: "404" }),
  post("election/proclaim"),
  post("election/resign"),
  post("election/resign", { leader: { name: base64("e"), key, rev: "1", lease: "404" } }),
  post("election/leader", { name: base64("e") }),
];

/** Streams are read to the end of their first line. */
async function answerOf(url: string, exchange: Exchange, token: string): Promise<Answer> {
  const { path, body } = exchange;
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: token === "" ? {} : { authorization: token },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  let text = "";
  for await (const part of response.body ?? []) {
    text += Buffer.from(part as Uint8Array).toString();
    if (text.includes("\n")) break;
  }
  return { status: response.status, json: withoutIds(JSON.parse(text)) as Answer["json"] };
}

interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What belongs to one cluster is left out; its names stay. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).map(([name, field]) => [name, varying.has(name) ? "" : withoutIds(field)]);
  return Object.fromEntries(kept) as unknown;
}
const varying = new Set(["header", "token", "ID", "members", "version", "leader", "dbSize", "dbSizeInUse"]);

/** What the gateway of 3.4 does otherwise than those since 3.5, and what Status of each line lacks. */
function asLater(path: string, { status, json }: Answer): Answer {
  if (path === "/v3/maintenance/status") return { status, json: without(json, ...unlikeStatus) };
  if (path === "/v3/maintenance/alarm") return { status, json: { ...json, header: "" } };
  return { status: status === 412 ? 400 : status, json: "message" in json ? without(json, "error") : json };
}
const unlikeStatus = ["raftIndex", "raftAppliedIndex", "storageVersion", "dbSizeQuota", "downgradeInfo"];

function without(json: Answer["json"], ...names: readonly string[]): Answer["json"] {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));
}

async function story(url: string): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const exchange of exchanges) {
    const { as = "" } = exchange;
    const login = post("auth/authenticate", { name: as, password: `${as}-pw` });
    answers.push(asLater(exchange.path, await answerOf(url, exchange, as === "" ? "" : await tokenOf(url, login))));
  }
  return answers;
}

async function tokenOf(url: string, { path, body }: Exchange): Promise<string> {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
  return ((await response.json()) as { readonly token: string }).token;
}

t.test("every answer is etcd's", needsEtcd, async (t) => {
  const ours = await startPlainPort(t.testdir({ ours: {} }));
  t.teardown(() => ours.close());
  const answers = await story(ours.url);
  for (const program of ["etcd", ...laterPrograms("etcd").map(({ file }) => file)]) {
    const real = await startRealEtcd(t.testdir({}), [], program);
    t.teardown(() => real.close());
    const theirs = await story(real.url);
    exchanges.forEach(({ path, body, as = "" }, i) => {
      t.strictSame(answers[i], theirs[i], `${path} ${JSON.stringify(body)} ${as}, beside ${program}`);
    });
  }
});

t.test("failures carry their text under the names of both generations of the gateway", async (t) => {
  const port = await startPlainPort(t.testdir({}));
  t.teardown(() => port.close());
  const { json } = await answerOf(port.url, post("kv/range"), "");
  const text = "etcdserver: key is not provided";
  t.strictSame(json, { error: text, message: text, code: 3 });
});

t.test("every path leads to a method that is served", async (t) => {
  const port = await startPlainPort(t.testdir({}));
  t.teardown(() => port.close());
  for (const path of Object.keys(gatewayRoutes)) {
    t.match((await answerOf(port.url, { path, body: "nonsense" }, "")).json, { code: 3 }, path); // refused as JSON
  }
});
