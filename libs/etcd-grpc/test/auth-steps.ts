import type { Test } from "tap";
import { utf8 } from "@triarch/base";
import { PermissionType } from "@triarch/etcd-proto";
import { AuthClient, type MethodName, type Outcome, type RequestOf } from "./auth-client.ts";
import { startPlainPort } from "./plain-port.ts";
import { startRealEtcd } from "./real-etcd.ts";

// The same calls to real etcd 3.4 and to us, in the names of the same users: the same answers and refusals.

/**
 * Differences that are meant, by what etcd 3.4 says; later releases do as we do. Others, which the steps here leave out
 * and auth.test.ts looks at: 3.4 lets everybody compact and clear alarms, does not look into nested transactions nor at
 * `prev_kv` of a put inside a transaction, shows the keys on a lease to everybody, takes passwords of more than 72 bytes
 * and ignores the rest, shows the role root without its permission, and refuses an old token also while it is off.
 */
const meant: ReadonlyMap<string, string> = new Map([
  ["2 auth: permission denied", "7 etcdserver: permission denied"],
  ["2 auth: user name is empty", "3 etcdserver: user name is empty"],
]);

export interface Step {
  readonly who: string | undefined;
  readonly method: MethodName | "login" | "watch";
  readonly request: object;
}

export const step = <M extends MethodName>(who: string | undefined, method: M, request: RequestOf<M>): Step => ({
  who,
  method,
  request: request,
});
export const login = (name: string, password?: string): Step => ({
  who: undefined,
  method: "login",
  request: { name, password },
});
export const watch = (who: string, key: string, rangeEnd = ""): Step => ({
  who,
  method: "watch",
  request: { key: utf8(key), rangeEnd: utf8(rangeEnd) },
});

async function run(client: AuthClient, { who, method, request }: Step): Promise<unknown> {
  if (method === "login") {
    const { name, password } = request as { readonly name: string; readonly password?: string };
    return client.login(name, password);
  }
  if (method === "watch") return client.watch(request, who ?? "");
  return client.callAs(who, method, request);
}

export async function compare(
  t: Test,
  clients: readonly [AuthClient, AuthClient],
  steps: readonly Step[],
): Promise<void> {
  const [etcd, ours] = clients;
  for (const [i, one] of steps.entries()) {
    const [expected, found] = await Promise.all([run(etcd, one), run(ours, one)]);
    const name = `${i} ${one.who ?? "nobody"}: ${one.method} ${JSON.stringify(one.request, bytesAsText)}`;
    t.strictSame(shown(found), meant.get(String(shown(expected))) ?? shown(expected), name);
  }
}

function shown(outcome: unknown): unknown {
  const { code, message } = outcome as Partial<Outcome>;
  return code === undefined || code === 0 ? outcome : `${code} ${message ?? ""}`;
}

function bytesAsText(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return typeof value === "bigint" ? Number(value) : value;
}

export async function startBoth(t: Test): Promise<readonly [AuthClient, AuthClient]> {
  const dir = t.testdir({});
  const ours = await startPlainPort(dir);
  t.teardown(() => ours.close());
  const etcd = await startRealEtcd(`${dir}/etcd`, ["--bcrypt-cost=4"]);
  t.teardown(() => etcd.close());
  const clients = [new AuthClient(etcd.url), new AuthClient(ours.url)] as const;
  for (const client of clients) t.teardown(() => client.close());
  return clients;
}

export const user = (name: string): Step => step("root", "userAdd", { name, password: `${name}-pw` });
export const perm = (permType: keyof typeof PermissionType, key: string, end = "") => ({
  permType: PermissionType[permType],
  key: utf8(key),
  rangeEnd: utf8(end),
});
export const grant = (name: string, ...permission: Parameters<typeof perm>): Step =>
  step("root", "roleGrantPermission", { name, perm: perm(...permission) });
export const one = (key: string, rangeEnd = "") => ({ key: utf8(key), rangeEnd: utf8(rangeEnd) });
