// The query parameters that every write takes.
import { type FieldError, invalidObject, notSupported, StatusError, tooLong } from "@triarch/api";
import { dryRunErrors } from "../registry/delete-options.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
}

const fieldManagerBytesMax = 128;

/**
 * @param kind the options' own kind, named in errors: CreateOptions, UpdateOptions, PatchOptions
 * @throws StatusError 422
 */
export function readWriteOptions(query: URLSearchParams, kind: string): WriteOptions {
  const errors: FieldError[] = [];
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  errors.push(...dryRunErrors(dryRun));
  const manager = query.get("fieldManager") ?? "";
  if (Buffer.byteLength(manager) > fieldManagerBytesMax) errors.push(tooLong("fieldManager", fieldManagerBytesMax));
  const validation = query.get("fieldValidation") ?? "";
  if (!["", "Ignore", "Strict", "Warn"].includes(validation)) {
    errors.push(notSupported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]));
  }
  if (errors.length > 0) throw new StatusError(invalidObject({ group: "meta.k8s.io", kind }, "", errors));
  return { dryRun: dryRun.length > 0, fieldValidation: validation === "" ? "Warn" : (validation as FieldValidation) };
}
