import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { ManualClock } from "@triarch/base";
import { createSigningKey } from "@triarch/pki";
import { type BoundObject, serviceAccountTokens, type TokenClaims } from "../src/index.ts";

const issuer = "https://issuer.example";
const robot: BoundObject = { name: "robot", uid: "u1" };
const claims: TokenClaims = { namespace: "ns", serviceAccount: robot, audiences: [issuer], lifetimeSeconds: 600 };

function tokensWith(signingKeyPem: string) {
  const clock = new ManualClock();
  const objects = new Map<string, { uid: string; deletedAtMs: number | undefined }>();
  objects.set("ServiceAccount/ns/robot", { uid: "u1", deletedAtMs: undefined });
  const tokens = serviceAccountTokens({
    signingKeyPem,
    issuer,
    clock,
    newId: () => "id-1",
    objects: { find: (kind, namespace, name) => Promise.resolve(objects.get(`${kind}/${namespace}/${name}`)) },
  });
  return { clock, objects, tokens };
}

t.test("a token ends with its time, also one whose signature was checked before", async (t) => {
  const { clock, tokens } = tokensWith(await createSigningKey());
  const token = await tokens.issue(claims);
  t.ok(tokens.mayKnow(token));
  t.notOk(tokens.mayKnow("abc"), "a static token is not of its making");
  t.match(await tokens.verify(token, [issuer]), { kind: "authenticated", audiences: [issuer] });
  clock.advance(600_000);
  t.match(await tokens.verify(token, [issuer]), { kind: "authenticated" }, "clocks may differ by a minute");
  clock.advance(61_000);
  t.match(await tokens.verify(token, [issuer]), { kind: "refused", why: /expired/ });
  t.match(await tokens.verify(token, [issuer]), { kind: "refused", why: /expired/ }, "without the memory of it too");
});

t.test("a token outlives what it is bound to by a minute at most", async (t) => {
  const { clock, objects, tokens } = tokensWith(await createSigningKey());
  objects.set("Pod/ns/p", { uid: "u2", deletedAtMs: undefined });
  const token = await tokens.issue({ ...claims, pod: { name: "p", uid: "u2" }, node: { name: "n", uid: "u3" } });
  const verified = () => tokens.verify(token, [issuer]);
  t.match(await verified(), {
    user: { name: "system:serviceaccount:ns:robot", extra: { "authentication.kubernetes.io/node-name": ["n"] } },
  });
  objects.set("Pod/ns/p", { uid: "u2", deletedAtMs: clock.nowMs() });
  t.match(await verified(), { kind: "authenticated" }, "a pod that ends may still say goodbye");
  clock.advance(61_000);
  t.match(await verified(), { kind: "refused", why: /invalidated/ });
});

t.test("RSA keys sign too; others are refused", async (t) => {
  const pem = (type: "rsa" | "ed25519"): string => {
    const { privateKey } =
      type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync(type);
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  };
  const { tokens } = tokensWith(pem("rsa"));
  t.match(await tokens.verify(await tokens.issue(claims), [issuer]), { kind: "authenticated" });
  t.match(tokens.openIdConfiguration("x"), { id_token_signing_alg_values_supported: ["RS256"] });
  t.throws(() => tokensWith(pem("ed25519")), { message: /must be P-256 or RSA/ });
});
