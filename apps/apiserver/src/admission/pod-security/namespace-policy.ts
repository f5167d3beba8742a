// What the labels of a namespace ask of its pods: three modes, each a level of strictness and the version of Kubernetes
// whose rules are meant.
import { type FieldError, invalid, type JsonObject, ownField } from "@triarch/api";

export type Level = "privileged" | "baseline" | "restricted";

export interface LevelVersion {
  readonly level: Level;
  /** Minor version of Kubernetes 1; undefined: the latest. */
  readonly minor: number | undefined;
}

export interface NamespacePolicy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

export interface ParsedPolicy {
  readonly policy: NamespacePolicy;
  /** Labels that say nothing known. Enforcement takes them for `restricted`, audit and warnings for `privileged`. */
  readonly errors: readonly FieldError[];
}

type Mode = keyof NamespacePolicy;

const prefix = "pod-security.kubernetes.io/";
const levels: readonly Level[] = ["privileged", "baseline", "restricted"];
const versionPattern = /^v1\.(0|[1-9][0-9]*)$/;
const unlabelled: LevelVersion = { level: "privileged", minor: undefined };

/** Namespaces that say nothing are privileged. Who enforces without naming a level to warn about is warned as well. */
export function namespacePolicy(labels: JsonObject): ParsedPolicy {
  const errors: FieldError[] = [];
  const enforce = readMode(labels, "enforce", errors);
  const audit = readMode(labels, "audit", errors);
  const warn = readMode(labels, "warn", errors);
  const followsEnforce = labelOf(labels, "warn") === undefined && isLevel(labelOf(labels, "enforce"));
  const policy = { enforce, audit, warn: followsEnforce ? following(labels, warn, enforce) : warn };
  return { policy, errors };
}

export function isPrivileged(policy: NamespacePolicy): boolean {
  return [policy.enforce, policy.audit, policy.warn].every(({ level }) => level === "privileged");
}

/** Positive where `left` is stricter. */
export function compareLevels(left: Level, right: Level): number {
  return levels.indexOf(left) - levels.indexOf(right);
}

/** `restricted:latest`, `baseline:v1.25`. */
export function levelVersionText({ level, minor }: LevelVersion): string {
  return `${level}:${minor === undefined ? "latest" : `v1.${minor}`}`;
}

function readMode(labels: JsonObject, mode: Mode, errors: FieldError[]): LevelVersion {
  const [level, version] = [labelOf(labels, mode), labelOf(labels, `${mode}-version`)];
  const parsed = version === undefined || version === "latest" ? undefined : versionPattern.exec(version);
  let { level: meant }: LevelVersion = unlabelled;
  if (isLevel(level)) meant = level;
  else if (level !== undefined) {
    errors.push(wrong(mode, level, `must be one of ${levels.join(", ")}`));
    if (mode === "enforce") meant = "restricted";
  }
  if (parsed === null) errors.push(wrong(`${mode}-version`, version, 'must be "latest" or "v1.x"'));
  const minor = parsed?.[1];
  return { level: meant, minor: minor === undefined ? undefined : Number(minor) };
}

function following(labels: JsonObject, warn: LevelVersion, enforce: LevelVersion): LevelVersion {
  if (compareLevels(enforce.level, warn.level) <= 0) return warn;
  const ownVersion = labelOf(labels, "warn-version") !== undefined;
  return { level: enforce.level, minor: ownVersion ? warn.minor : enforce.minor };
}

function labelOf(labels: JsonObject, name: string): string | undefined {
  const value = ownField(labels, prefix + name);
  return typeof value === "string" ? value : undefined;
}

function isLevel(text: string | undefined): text is Level {
  return levels.some((level) => level === text);
}

function wrong(name: string, value: string | undefined, detail: string): FieldError {
  return invalid(`metadata.labels[${prefix}${name}]`, value, detail);
}
