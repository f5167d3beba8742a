// docs/conformance.md as text: each conformance test of Kubernetes with the state that the last run found.
import type { KnownTest, Outcome, TestClass } from "./known-tests.ts";
import { waitsFor } from "./waiting.ts";

export type State =
  | { readonly kind: "done" }
  /** Of a test that fails: that it does. */
  | { readonly kind: "partial"; readonly missing: string }
  | { readonly kind: "waiting"; readonly why: string };

export function stateOf(test: KnownTest, outcome: Outcome | undefined): State {
  if (outcome === undefined) return { kind: "waiting", why: waitsFor(test) };
  if (!outcome.passed) return { kind: "partial", missing: "it fails" };
  return outcome.missing === undefined ? { kind: "done" } : { kind: "partial", missing: outcome.missing };
}

const classes: Readonly<Record<TestClass, string>> = {
  A: "the API server and controllers only",
  B: "a kubelet that runs trivial containers",
  C: "the pod network, Services, DNS, or calls of the API server into pods",
  D: "volumes and features of Linux",
};

/** @param states one for each test, in their order */
export function conformanceDocument(tests: readonly KnownTest[], states: readonly State[]): string {
  const count = (kind: State["kind"], testClass?: TestClass): number =>
    tests.filter((test, i) => states[i]?.kind === kind && (testClass ?? test.testClass) === test.testClass).length;
  const row = (title: string, testClass?: TestClass): string => {
    const counts = [count("done", testClass), count("partial", testClass), count("waiting", testClass)];
    return `| ${title} | ${counts.join(" | ")} |`;
  };
  const letters = Object.keys(classes) as TestClass[];
  return [
    "# Conformance",
    "",
    "Kubernetes' conformance tests by name, and the tests of ours that stand for them. Written by the test run",
    "(`test/conformance/`); not to be edited.",
    "",
    "- **done**: a test of ours has this name, every step of the upstream test has its assertion there, and it passes;",
    "- **partial**: such a test passes, but without what is named;",
    "- **waiting**: there is none, for want of what is named.",
    "",
    "| the test needs | done | partial | waiting |",
    "| --- | --- | --- | --- |",
    ...letters.map((letter) => row(`${letter}: ${classes[letter]}`, letter)),
    row("all"),
    "",
    ...letters.flatMap((letter) => section(letter, tests, states)),
  ].join("\n");
}

function section(letter: TestClass, tests: readonly KnownTest[], states: readonly State[]): readonly string[] {
  const lines = tests.flatMap((test, i) => {
    if (test.testClass !== letter) return [];
    return [`| ${test.sig} | ${titleCell(test)} | ${cell(stateText(states[i]))} |`];
  });
  return [`## ${letter}: ${classes[letter]}`, "", "| sig | test | state |", "| --- | --- | --- |", ...lines, ""];
}

/** How a test's row names it. */
export function titleCell({ area, name, since }: KnownTest): string {
  return cell(`${area} ${name}${since === "" ? "" : ` (since ${since})`}`);
}

function stateText(state: State | undefined): string {
  switch (state?.kind) {
    case "done":
      return "done";
    case "partial":
      return `partial: ${state.missing}`;
    case "waiting":
      return `waiting: ${state.why}`;
    case undefined:
      return "";
  }
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
