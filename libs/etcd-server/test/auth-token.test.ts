import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { parseAuthToken } from "../src/index.ts";

// The configuration of tokens, as etcd's flag has it.

const pem = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048, ...pem });
const other = generateKeyPairSync("rsa", { modulusLength: 2048, ...pem });
const ed = generateKeyPairSync("ed25519", pem);
const files: Readonly<Record<string, string>> = {
  "rsa.pub": rsa.publicKey,
  "rsa.key": rsa.privateKey,
  "other.pub": other.publicKey,
  "ed.key": ed.privateKey,
  secret: "a shared secret",
};
const parse = (text: string): ReturnType<typeof parseAuthToken> =>
  parseAuthToken(text, (file) => {
    const text = files[file];
    if (text === undefined) throw new Error("no such file");
    return text;
  });

t.test("what it says", async (t) => {
  t.strictSame(parse("simple"), { kind: "simple" });
  const both = { publicKey: rsa.publicKey, privateKey: rsa.privateKey };
  t.strictSame(parse("jwt,pub-key=rsa.pub,priv-key=rsa.key,sign-method=RS256,ttl=10m"), {
    ...{ kind: "jwt", algorithm: "RS256", ...both, ttlSeconds: 600 },
  });
  const reader = { kind: "jwt", algorithm: "PS512", publicKey: rsa.publicKey };
  t.strictSame(parse("jwt,sign-method=PS512,pub-key=rsa.pub"), reader);
  t.match(
    parse("jwt,sign-method=EdDSA,priv-key=ed.key"),
    { publicKey: ed.privateKey },
    "the public one follows from it",
  );
  t.match(parse("jwt,sign-method=HS384,priv-key=secret"), { publicKey: "a shared secret", ttlSeconds: undefined });
});

t.test("what is wrong is named", async (t) => {
  for (const [text, message] of [
    ["simple,ttl=1m", /neither "simple"/],
    ["jwt", /sign-method must be one of RS256/],
    ["jwt,sign-method=none,priv-key=rsa.key", /sign-method must be one of/],
    ["jwt,sign-method=RS256", /pub-key or priv-key is missing/],
    ["jwt,sign-method=HS256,pub-key=rsa.pub", /priv-key is missing/],
    ["jwt,sign-method=RS256,key=rsa.pub", /"key=rsa.pub" is not NAME=VALUE/],
    ["jwt,sign-method=RS256,pub-key=none", /the key file none can't be read: .*no such file/],
    ["jwt,sign-method=RS256,priv-key=ed.key", /do not serve for RS256: .*needs rsa/],
    ["jwt,sign-method=RS256,pub-key=other.pub,priv-key=rsa.key", /the public key is not that of the private key/],
    ["jwt,sign-method=RS256,priv-key=rsa.key,ttl=soon", /ttl "soon"/],
  ] as const) {
    t.throws(() => parse(text), { name: "RangeError", message }, text);
  }
});
