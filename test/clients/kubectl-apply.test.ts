// kubectl 1.34 against `triarch api`: what changes objects as a whole.
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import {
  kubectlApplies,
  kubectlAppliesOnTheServer,
  kubectlBuilds,
  kubectlEdits,
  kubectlPatches,
  kubectlReplaces,
} from "./suites/kubectl-apply.ts";
import { onKubectl } from "./suites/kubectl-steps.ts";

onKubectl("kubectl that changes whole objects", await findKubectl(top), {
  "kubectl apply, diff, prune": kubectlApplies,
  "kubectl apply and diff --server-side": kubectlAppliesOnTheServer,
  "kubectl edit": kubectlEdits,
  "kubectl patch": kubectlPatches,
  "kubectl replace": kubectlReplaces,
  "kubectl kustomize": kubectlBuilds,
});
