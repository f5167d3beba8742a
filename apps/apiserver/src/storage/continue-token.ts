// The `continue` of a paged list, in Kubernetes' form: base64 of JSON with the revision that all pages show and the key
// (relative to the list's prefix) after which the next page starts. Opaque to clients.
import { utf8 } from "@triarch/base";
import { StorageError } from "./errors.ts";

export interface ContinuePoint {
  /** -1: the pages so far are too old to be continued as they were; go on with the state of now. */
  readonly revision: number;
  /** The last key shown, relative to the list's prefix. */
  readonly after: string;
}

const version = "meta.k8s.io/v1";

export function encodeContinue({ revision, after }: ContinuePoint): string {
  const json = JSON.stringify({ v: version, rv: revision, start: `${after}\0` });
  return Buffer.from(utf8(json)).toString("base64url");
}

/** @throws StorageError "invalidContinue" */
export function decodeContinue(token: string): ContinuePoint {
  const bad = token.search(/[^A-Za-z0-9_-]/);
  if (bad >= 0) throw invalid(`illegal base64 data at input byte ${bad}`);
  const text = Buffer.from(token, "base64url").toString("latin1");
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
  } catch {
    throw invalid(whyNotJson(text));
  }
  if (parsed === null || typeof parsed !== "object") throw invalid("not an object");
  const { v, rv, start } = parsed as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== version) throw invalid(`server does not recognize this encoded version ${JSON.stringify(v ?? "")}`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw invalid(`incorrect encoded start resourceVersion (version ${version})`);
  }
  if (typeof start !== "string" || start === "") throw invalid(`encoded start key empty (version ${version})`);
  if (!start.endsWith("\0") || start.startsWith("/") || start.split("/").includes("..")) {
    throw invalid(`${start}`);
  }
  return { revision: rv, after: start.slice(0, -1) };
}

function invalid(why: string): StorageError {
  return new StorageError({
    code: "invalidContinue",
    message: `invalid continue token: continue key is not valid: ${why}`,
  });
}

function whyNotJson(text: string): string {
  const first = text.trimStart()[0];
  if (first === undefined) return "unexpected end of JSON input";
  if ('{["-0123456789tfn'.includes(first)) return "unexpected end of JSON input";
  return `invalid character ${first === "'" ? `'\\''` : `'${first}'`} looking for beginning of value`;
}
