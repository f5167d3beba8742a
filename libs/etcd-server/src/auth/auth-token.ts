import { parseDurationMs } from "../server/auto-compaction.ts";
import { checkJwt } from "./jwt.ts";
import type { JwtAlgorithm, TokenOptions } from "./tokens.ts";

const algorithms: readonly JwtAlgorithm[] = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "EdDSA"] as const),
];
const jwtKeys = ["sign-method", "pub-key", "priv-key", "ttl"];

/**
 * How clients that logged in are known again, as in etcd's flag `--auth-token`: `simple`, or for example
 * `jwt,sign-method=RS256,pub-key=FILE,priv-key=FILE,ttl=10m`. Without a private key a member reads tokens but gives none
 * out; without a public one it follows from the private one. HS256 to HS512 take their secret from `priv-key`.
 *
 * @param readKey the text of a key file; throws when it can't be read
 * @throws RangeError naming what is wrong with the text or the keys
 */
export function parseAuthToken(text: string, readKey: (file: string) => string): TokenOptions {
  const [kind, ...given] = text.split(",");
  if (kind === "simple" && given.length === 0) return { kind };
  if (kind !== "jwt") throw new RangeError(`"${text}" is neither "simple" nor "jwt,sign-method=...,priv-key=..."`);
  const options = new Map(given.map((option) => nameAndValue(option)));
  const algorithm = algorithms.find((known) => known === options.get("sign-method"));
  if (algorithm === undefined) throw new RangeError(`sign-method must be one of ${algorithms.join(", ")}`);
  const [publicFile, privateFile] = [options.get("pub-key"), options.get("priv-key")];
  const isShared = algorithm.startsWith("HS");
  const verifyingFile = isShared ? privateFile : (publicFile ?? privateFile);
  if (verifyingFile === undefined) throw new RangeError(`${isShared ? "priv-key" : "pub-key or priv-key"} is missing`);
  const ttl = options.get("ttl");
  const jwt = {
    kind: "jwt" as const,
    algorithm,
    publicKey: key(verifyingFile, readKey),
    ...(privateFile === undefined ? {} : { privateKey: key(privateFile, readKey) }),
    ...(ttl === undefined ? {} : { ttlSeconds: seconds(ttl) }),
  };
  try {
    checkJwt(jwt);
  } catch (error) {
    throw new RangeError(`the keys do not serve for ${algorithm}: ${String(error)}`, { cause: error });
  }
  return jwt;
}

function nameAndValue(option: string): readonly [string, string] {
  const at = option.indexOf("=");
  const name = option.slice(0, Math.max(at, 0));
  if (at < 0 || !jwtKeys.includes(name)) {
    throw new RangeError(`"${option}" is not NAME=VALUE with a NAME of ${jwtKeys.join(", ")}`);
  }
  return [name, option.slice(at + 1)];
}

function key(file: string, readKey: (file: string) => string): string {
  try {
    return readKey(file);
  } catch (error) {
    throw new RangeError(`the key file ${file} can't be read: ${String(error)}`, { cause: error });
  }
}

function seconds(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1000)
    throw new RangeError(`ttl "${text}" is not a duration of a second or more, as 10m`);
  return Math.floor(ms / 1000);
}
