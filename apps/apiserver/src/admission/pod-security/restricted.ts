// The restricted level: what hardened pods do without. It holds beside the baseline, some of whose checks it sharpens.
// In the order of their ids, which is the order of the texts.
import { isBadProfile, procMount, seccomp } from "./baseline.ts";
import {
  type Check,
  containersText,
  hasOwnUsers,
  namesWhere,
  plural,
  quoted,
  quotedSet,
  settersText,
  type Subject,
  type Violation,
} from "./check.ts";

const level = "restricted";
const harmlessVolumes: ReadonlySet<string> = new Set(
  "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret".split(" "),
);

export const restrictedChecks: readonly Check[] = [
  { id: "allowPrivilegeEscalation", level, since: 8, until: 24, judge: escalation },
  { id: "allowPrivilegeEscalation", level, since: 25, judge: unlessWindows(escalation) },
  {
    id: "capabilities_restricted",
    level,
    since: 22,
    until: 24,
    replaces: "capabilities_baseline",
    judge: capabilities,
  },
  {
    id: "capabilities_restricted",
    level,
    since: 25,
    replaces: "capabilities_baseline",
    judge: unlessWindows(capabilities),
  },
  { id: "procMount_restricted", level, since: 35, replaces: "procMount", judge: procMount },
  { id: "restrictedVolumes", level, since: 0, replaces: "hostPathVolumes", judge: volumes },
  { id: "runAsNonRoot", level, since: 0, until: 34, judge: nonRoot },
  { id: "runAsNonRoot", level, since: 35, judge: unlessOwnUsers(nonRoot) },
  { id: "runAsUser", level, since: 23, until: 34, judge: user },
  { id: "runAsUser", level, since: 35, judge: unlessOwnUsers(user) },
  {
    id: "seccompProfile_restricted",
    level,
    since: 19,
    until: 24,
    replaces: "seccompProfile_baseline",
    judge: seccompRequired,
  },
  {
    id: "seccompProfile_restricted",
    level,
    since: 25,
    replaces: "seccompProfile_baseline",
    judge: unlessWindows(seccompRequired),
  },
];

/** Pods of Windows can't say it: the fields are Linux'. */
function unlessWindows(judge: Check["judge"]): Check["judge"] {
  return (subject) => (subject.spec.os?.name === "windows" ? undefined : judge(subject));
}

function unlessOwnUsers(judge: Check["judge"]): Check["judge"] {
  return (subject) => (hasOwnUsers(subject) ? undefined : judge(subject));
}

function escalation(subject: Subject): Violation | undefined {
  const names = namesWhere(subject, ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  const detail = `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: "allowPrivilegeEscalation != false", detail };
}

function capabilities(subject: Subject): Violation | undefined {
  const missing = namesWhere(subject, (security) => security.capabilities?.drop?.includes("ALL") !== true);
  const bad: string[] = [];
  const adding = namesWhere(subject, (security) => {
    const added = (security.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
    bad.push(...added);
    return added.length > 0;
  });
  const details: string[] = [];
  if (missing.length > 0) details.push(`${containersText(missing)} must set securityContext.capabilities.drop=["ALL"]`);
  if (adding.length > 0) {
    details.push(`${containersText(adding)} must not include ${quotedSet(bad)} in securityContext.capabilities.add`);
  }
  return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
}

function volumes({ spec }: Subject): Violation | undefined {
  const bad = (spec.volumes ?? []).flatMap(({ name, ...source }) => {
    const kinds = Object.entries(source).flatMap(([kind, value]) => (value === undefined ? [] : [kind]));
    return kinds.some((kind) => harmlessVolumes.has(kind)) ? [] : [{ name, kind: kinds[0] ?? "unknown" }];
  });
  if (bad.length === 0) return undefined;
  const kinds = new Set(bad.map(({ kind }) => kind));
  const uses = `${plural(bad.length, "uses", "use")} ${plural(kinds.size, "restricted volume type")}`;
  const names = quoted(bad.map(({ name }) => name));
  return {
    reason: "restricted volume types",
    detail: `${plural(bad.length, "volume")} ${names} ${uses} ${quotedSet(kinds)}`,
  };
}

function nonRoot(subject: Subject): Violation | undefined {
  const reason = "runAsNonRoot != true";
  const own = subject.spec.securityContext?.runAsNonRoot;
  const setters = settersText(
    own === false,
    namesWhere(subject, ({ runAsNonRoot }) => runAsNonRoot === false),
  );
  if (setters !== "") return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
  const silent = own === true ? [] : namesWhere(subject, ({ runAsNonRoot }) => runAsNonRoot === undefined);
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${containersText(silent)} must set securityContext.runAsNonRoot=true` };
}

function user(subject: Subject): Violation | undefined {
  const setters = settersText(
    subject.spec.securityContext?.runAsUser === 0,
    namesWhere(subject, ({ runAsUser }) => runAsUser === 0),
  );
  return setters === "" ? undefined : { reason: "runAsUser=0", detail: `${setters} must not set runAsUser=0` };
}

function seccompRequired(subject: Subject): Violation | undefined {
  const wrong = seccomp(subject);
  if (wrong !== undefined) return wrong;
  const own = subject.spec.securityContext?.seccompProfile?.type;
  if (own !== undefined && !isBadProfile(own)) return undefined;
  const silent = namesWhere(subject, ({ seccompProfile }) => seccompProfile === undefined);
  if (silent.length === 0) return undefined;
  const must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  return { reason: "seccompProfile", detail: `pod or ${containersText(silent)} ${must}` };
}
