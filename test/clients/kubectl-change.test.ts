// kubectl 1.34 against `triarch api`: small changes, rollouts, deletion.
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import {
  kubectlDeletes,
  kubectlLabels,
  kubectlRollsOut,
  kubectlSets,
  kubectlTendsNodes,
} from "./suites/kubectl-change.ts";
import { onKubectl } from "./suites/kubectl-steps.ts";

onKubectl("kubectl that changes a part", await findKubectl(top), {
  "kubectl label, annotate": kubectlLabels,
  "kubectl set, scale": kubectlSets,
  "kubectl cordon, taint, drain": kubectlTendsNodes,
  "kubectl rollout": kubectlRollsOut,
  "kubectl delete": kubectlDeletes,
});
