// kubectl 1.34 against `triarch api`: who may what, tokens, certificates, configuration.
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import { kubectlAsksWhoMay, kubectlConfigures } from "./suites/kubectl-auth.ts";
import { kubectlDecidesOnCertificates } from "./suites/kubectl-certificates.ts";
import { onKubectl } from "./suites/kubectl-steps.ts";

onKubectl("kubectl and permissions", await findKubectl(top), {
  "kubectl auth, create token": kubectlAsksWhoMay,
  "kubectl certificate": kubectlDecidesOnCertificates,
  "kubectl config": kubectlConfigures,
});
