import t from "tap";
import { seededRng, utf8, type Rng } from "@triarch/base";
import { compare, login, one, startBoth, step, watch, type Step } from "./auth-steps.ts";
import { needsEtcd } from "./real-etcd.ts";

// Random changes of who may do what, and requests that show it, at real etcd 3.4 and at us.

t.setTimeout(120_000);

const users = ["u0", "u1", "u2"] as const;
const roles = ["r0", "r1", "r2"] as const;
const keys = ["a", "b", "c", "d", "e", "f"] as const;

/** Changes of who may do what, and requests that show it. */
function anyStep(rng: Rng): Step {
  const pick = <T>(all: readonly T[]): T => all[rng.int(all.length)] as T;
  const range = () => one(pick(keys), pick(["", "", "\0", ...keys]));
  const flag = (): boolean => rng.int(3) === 0;
  const put = () => ({ key: utf8(pick(keys)), value: utf8("v") });
  const who = pick([...users, ...users, "root", undefined]);
  const admin = rng.int(8) === 0 ? who : "root";
  const makers: readonly (() => Step)[] = [
    () => step(admin, "roleGrantPermission", { name: pick(roles), perm: { permType: rng.int(3), ...range() } }),
    () => step(admin, "roleRevokePermission", { role: pick(roles), ...range() }),
    () => step(admin, "userGrantRole", { user: pick(users), role: rng.int(12) === 0 ? "root" : pick(roles) }),
    () => step(admin, "userRevokeRole", { name: pick(users), role: pick([...roles, "root"]) }),
    () => step(admin, pick(["roleAdd", "roleAdd", "roleDelete"]), { name: pick(roles), role: pick(roles) }),
    () => step(who, "roleGet", { role: pick(roles) }),
    () => step(who, "userGet", { name: pick(users) }),
  ];
  const requests: readonly (() => Step)[] = [
    () => step(who, "range", range()),
    () => step(who, "put", { ...put(), prevKv: flag() }),
    () => step(who, "deleteRange", { ...range(), prevKv: flag() }),
    () => watch(who ?? "", pick(keys), pick(["", ...keys])),
    () =>
      step(who, "txn", {
        compare: flag() ? [range()] : [],
        success: flag() ? [{ requestPut: put() }] : [{ requestRange: range() }],
        failure: flag() ? [{ requestDeleteRange: { ...range(), prevKv: flag() } }] : [],
      }),
  ];
  return pick(pick([makers, requests, requests]))();
}

t.test("random users, roles, grants and requests", needsEtcd, async (t) => {
  const clients = await startBoth(t);
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  const count = Number(process.env["STEPS"] ?? 120);
  t.comment(`SEED=${seed} STEPS=${count}`);
  const rng = seededRng(seed);
  const setUp = [
    step(undefined, "userAdd", { name: "root", password: "root-pw" }),
    step(undefined, "userGrantRole", { user: "root", role: "root" }),
    ...users.map((name) => step(undefined, "userAdd", { name, password: `${name}-pw` })),
    step(undefined, "enable", {}),
    ...["root", ...users].map((name) => login(name)),
  ];
  await compare(t, clients, [...setUp, ...Array.from({ length: count }, () => anyStep(rng))]);
});
