import { generateKeyPairSync, createHmac } from "node:crypto";
import t from "tap";
import { ManualClock } from "@triarch/base";
import { Jwt } from "../src/auth/jwt.ts";
import { Passwords, passwordsPendingMax } from "../src/auth/passwords.ts";
import { indexOfToken, SimpleTokens, simpleTokensMax, simpleTokenTtlMs } from "../src/auth/simple-tokens.ts";
import type { JwtAlgorithm } from "../src/auth/tokens.ts";

t.setTimeout(60_000);

/** What `rejects` is to find: an error with this code. */
const refusedAs = (code: string): Error => Object.assign(new Error(), { failure: { code } });

t.test("a token lives on while it is used, and no longer", async (t) => {
  const clock = new ManualClock();
  const tokens = new SimpleTokens({ clock });
  tokens.add("a.1", "anna");
  tokens.add("b.2", "otto");
  for (let i = 0; i < 5; i++) {
    clock.advance(simpleTokenTtlMs - 1);
    t.equal(tokens.use("a.1"), "anna");
  }
  t.equal(tokens.use("b.2"), undefined);
  clock.advance(simpleTokenTtlMs);
  t.equal(tokens.use("a.1"), undefined);
  t.equal(tokens.size, 0, "and is not kept");
});

t.test("tokens of one user, of all, and past the bound", async (t) => {
  const tokens = new SimpleTokens({ clock: new ManualClock() });
  tokens.add("a.1", "anna");
  tokens.add("a.2", "anna");
  tokens.add("b.3", "otto");
  tokens.removeUser("anna");
  t.strictSame([tokens.use("a.1"), tokens.use("a.2"), tokens.use("b.3")], [undefined, undefined, "otto"]);
  for (let i = 0; i < simpleTokensMax; i++) tokens.add(`x.${i}`, "x");
  t.equal(tokens.size, simpleTokensMax);
  t.equal(tokens.use("b.3"), undefined, "the oldest had to go");
  tokens.clear();
  t.equal(tokens.size, 0);
});

t.test("the entry that gave a token out", async (t) => {
  t.equal(indexOfToken("abc.17"), 17);
  for (const text of ["abc", "abc.", "abc.x", "a.b.1", "abc.-1", `abc.${"9".repeat(16)}`])
    t.equal(indexOfToken(text), undefined);
});

const pem = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048, ...pem });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048, ...pem });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256", ...pem });
const secret = { publicKey: "a shared secret", privateKey: "a shared secret" };
const anna = { username: "anna", authRevision: 7 };

t.test("signed tokens: of each kind of key, and not after their time", async (t) => {
  const kinds: readonly (readonly [JwtAlgorithm, { readonly publicKey: string; readonly privateKey: string }])[] = [
    ["RS256", rsa],
    ["RS512", rsa],
    ["PS256", rsa],
    ["ES256", ec],
    ["HS384", secret],
  ];
  for (const [algorithm, keys] of kinds) {
    const clock = new ManualClock();
    const jwt = new Jwt({ kind: "jwt", algorithm, ...keys, ttlSeconds: 60 }, clock);
    const token = jwt.issue(anna);
    t.strictSame(jwt.identityOf(token), anna, algorithm);
    clock.advance(61_000);
    t.equal(jwt.identityOf(token), undefined, `${algorithm}, too late`);
  }
});

t.test("signed tokens: what anybody could have made is nobody's", async (t) => {
  const clock = new ManualClock();
  const jwt = new Jwt({ kind: "jwt", algorithm: "RS256", ...rsa }, clock);
  const token = jwt.issue(anna);
  const [header = "", body = "", signature = ""] = token.split(".");
  const claims = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const root = claims({ username: "root", revision: 7, exp: 2 ** 40 });
  const hs = claims({ alg: "HS256", typ: "JWT" });
  const confused = createHmac("sha256", rsa.publicKey).update(`${hs}.${root}`).digest("base64url");
  const forged = [
    `${header}.${root}.${signature}`,
    `${claims({ alg: "none" })}.${root}.`,
    `${hs}.${root}.${confused}`,
    new Jwt({ kind: "jwt", algorithm: "RS256", ...otherRsa }, clock).issue(anna),
    new Jwt({ kind: "jwt", algorithm: "PS256", ...rsa }, clock).issue(anna),
    `${header}.${body}`,
    `${token}.x`,
    "",
    "...",
  ];
  for (const one of forged) t.equal(jwt.identityOf(one), undefined, one);
  const whole = new Jwt({ kind: "jwt", algorithm: "HS256", ...secret }, clock);
  const signed = (value: object): string => {
    const data = `${hs}.${claims(value)}`;
    return `${data}.${createHmac("sha256", secret.privateKey).update(data).digest("base64url")}`;
  };
  t.match(whole.identityOf(signed({ username: "x", revision: 1, exp: 2 ** 40 })), { username: "x" });
  for (const value of [
    { username: "", revision: 1, exp: 2 ** 40 },
    { username: "root", revision: Number.MAX_SAFE_INTEGER, exp: 2 ** 40 },
    { username: "root", revision: 1.5, exp: 2 ** 40 },
    { username: "root", exp: 2 ** 40 },
    { username: "root", revision: 1 },
  ]) {
    t.equal(whole.identityOf(signed(value)), undefined, JSON.stringify(value));
  }
});

t.test("signed tokens: keys that do not fit are refused at the start", async (t) => {
  const clock = new ManualClock();
  t.throws(() => new Jwt({ kind: "jwt", algorithm: "ES256", ...rsa }, clock), /needs ec/);
  t.throws(() => new Jwt({ kind: "jwt", algorithm: "RS256", publicKey: "no key" }, clock));
  const reader = new Jwt({ kind: "jwt", algorithm: "RS256", publicKey: rsa.publicKey }, clock);
  t.throws(() => reader.issue(anna), /verify-only key/);
});

t.test("passwords: bcrypt as Go writes it, beside this thread, bounded", async (t) => {
  const passwords = new Passwords();
  const hash = await passwords.hash("pw");
  t.match(hash, /^\$2a\$10\$/);
  t.equal(await passwords.matches("pw", hash), true);
  t.equal(await passwords.matches("Pw", hash), false);
  t.equal(await passwords.matches("", "not a hash"), false);
  t.equal(await passwords.matches("", ""), false);
  const many = Array.from({ length: passwordsPendingMax }, () => passwords.matches("pw", "no hash"));
  await t.rejects(passwords.matches("pw", hash), refusedAs("tooManyRequests"));
  await Promise.all(many);
  const cut = t.rejects(passwords.hash("pw"), refusedAs("stopped"));
  await passwords.close();
  await cut;
  await t.rejects(passwords.hash("pw"), refusedAs("stopped"));
});
