// Why a conformance test has none of ours yet. The first rule that fits names the reason.
import type { KnownTest } from "./known-tests.ts";

interface Rule {
  readonly fits: (test: KnownTest) => boolean;
  readonly why: string;
}

const hasFeature =
  (...features: readonly string[]) =>
  ({ feature }: KnownTest) =>
    features.includes(feature);
const says =
  (pattern: RegExp) =>
  ({ area, name }: KnownTest) =>
    pattern.test(`${area} ${name}`);

const rules: readonly Rule[] = [
  { fits: says(/StorageVersionMigration|PodCertificateRequest|DeviceTaintRule/), why: "not part of version 1.36" },
  { fits: says(/CustomResource|CRD| CRs?\b|custom resource/), why: "custom resources" },
  { fits: says(/AdmissionWebhook|webhook/), why: "admission webhooks" },
  { fits: hasFeature("Admission policies (CEL)"), why: "expressions of admission policies (CEL)" },
  { fits: says(/Aggregator/), why: "aggregated API servers" },
  { fits: says(/ResourceQuota|quota/), why: "quotas are stored, not enforced" },
  { fits: says(/LimitRange/), why: "limit ranges are stored, not enforced" },
  { fits: hasFeature("Garbage collection (pods may stay Pending)"), why: "the replication controller" },
  { fits: hasFeature("CronJob"), why: "the controller of CronJobs" },
  { fits: says(/^DisruptionController/), why: "the disruption controller" },
  { fits: says(/original version has been compacted/), why: "a compaction that a test need not wait five minutes for" },
  { fits: ({ testClass }) => testClass === "A", why: "a test of ours" },
  { fits: ({ testClass }) => testClass === "B", why: "a test of ours with running containers" },
  { fits: ({ testClass }) => testClass === "C", why: "a test of ours with a pod network" },
  { fits: ({ testClass }) => testClass === "D", why: "a test of ours with volumes and Linux features" },
];

export function waitsFor(test: KnownTest): string {
  return rules.find(({ fits }) => fits(test))?.why ?? "a test of ours";
}
