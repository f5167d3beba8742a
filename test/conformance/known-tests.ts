// The conformance tests of Kubernetes by name, and where their outcomes are kept during a run.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { top } from "../support/cluster.ts";

/** What a test needs beyond an API server: see tools/generate/conformance-tests.ts. */
export type TestClass = "A" | "B" | "C" | "D";

export interface KnownTest {
  readonly sig: string;
  readonly testClass: TestClass;
  readonly feature: string;
  readonly area: string;
  /** The version it came with, where that is after v1.32. */
  readonly since: string;
  readonly name: string;
}

/** One of our tests after it ran. */
export interface Outcome {
  readonly area: string;
  readonly name: string;
  readonly passed: boolean;
  /** Steps of the upstream test that ours leaves out; undefined: none. */
  readonly missing?: string;
}

/** One file per test file; deleted by nobody but the next run. */
export const outcomesFolder = join(top, ".test-results", "conformance");

const rows = JSON.parse(
  readFileSync(join(import.meta.dirname, "tests.generated.json"), "utf8"),
) as readonly (readonly string[])[];

export const knownTests: readonly KnownTest[] = rows.map(
  ([sig = "", testClass = "", feature = "", area = "", since = "", name = ""]) => ({
    ...{ sig, testClass: testClass as TestClass, feature, area, since, name },
  }),
);

/** @throws Error when there is no such test: a typo would otherwise count for nothing */
export function knownTest(area: string, name: string): KnownTest {
  const found = knownTests.find((one) => one.area === area && one.name === name);
  if (found === undefined) throw new Error(`there is no conformance test "${area} ${name}"`);
  return found;
}
