// The query parameters that every write takes.
import {
  type FieldError,
  forbidden,
  invalid,
  invalidObject,
  notSupported,
  required,
  StatusError,
  tooLong,
} from "@triarch/api";
import type { ApiRequest } from "./answer.ts";
import { isTrue } from "./request-info.ts";
import { dryRunErrors } from "../registry/delete-options.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** An apply may take fields from other managers. */
  readonly force: boolean;
}

const fieldManagerBytesMax = 128;
const unprintable = /\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/u;

/** What the client calls itself: the parameter, else the first part of its user agent. */
export function fieldManagerOf({ query, headers }: Pick<ApiRequest, "query" | "headers">): string {
  const named = query.get("fieldManager") ?? "";
  if (named !== "") return named;
  let manager = "";
  for (const character of (headers["user-agent"] ?? "").split("/")[0] ?? "") {
    if (unprintable.test(character)) continue;
    if (Buffer.byteLength(manager + character) > fieldManagerBytesMax) break;
    manager += character;
  }
  return manager;
}

/**
 * @param kind the options' own kind, named in errors: CreateOptions, UpdateOptions, PatchOptions
 * @param isApply PatchOptions of a server-side apply, which must name its manager
 * @throws StatusError 422
 */
export function readWriteOptions(query: URLSearchParams, kind: string, isApply = false): WriteOptions {
  const errors: FieldError[] = [];
  const dryRun = query.getAll("dryRun");
  errors.push(...dryRunErrors(dryRun));
  const manager = query.get("fieldManager") ?? "";
  if (Buffer.byteLength(manager) > fieldManagerBytesMax) errors.push(tooLong("fieldManager", fieldManagerBytesMax));
  if (unprintable.test(manager)) {
    errors.push(invalid("fieldManager", manager, "should only contain printable characters"));
  }
  if (isApply && manager === "") errors.push(required("fieldManager", "is required for apply patch"));
  if (kind === "PatchOptions" && !isApply && query.has("force")) {
    errors.push(forbidden("force", "may not be specified for non-apply patch"));
  }
  const validation = query.get("fieldValidation") ?? "";
  if (!["", "Ignore", "Strict", "Warn"].includes(validation)) {
    errors.push(notSupported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]));
  }
  if (errors.length > 0) throw new StatusError(invalidObject({ group: "meta.k8s.io", kind }, "", errors));
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: validation === "" ? "Warn" : (validation as FieldValidation),
    force: isTrue(query.get("force")),
  };
}
