// Every suite with the versions of kubectl that `npm test` leaves out. A server of its own for each version and group,
// because the suites of one group use the same names.
import { findKubectlVersion } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import * as apply from "./suites/kubectl-apply.ts";
import * as auth from "./suites/kubectl-auth.ts";
import * as change from "./suites/kubectl-change.ts";
import * as certificates from "./suites/kubectl-certificates.ts";
import { kubectlCreates } from "./suites/kubectl-create.ts";
import { kubectlReads } from "./suites/kubectl-read.ts";
import { onKubectl, type KubectlSuite } from "./suites/kubectl-steps.ts";

const groups: Readonly<Record<string, Readonly<Record<string, KubectlSuite>>>> = {
  create: { kubectlCreates },
  read: { kubectlReads },
  apply: { ...apply },
  change: { ...change },
  auth: { ...auth, ...certificates },
};

for (const version of ["1.32", "1.35"] as const) {
  for (const [group, suites] of Object.entries(groups)) {
    onKubectl(`kubectl ${version}: ${group}`, findKubectlVersion(top, version), suites);
  }
}
