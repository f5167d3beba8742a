// kubectl 1.34 against `triarch api`: what makes objects.
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import { kubectlCreates } from "./suites/kubectl-create.ts";
import { onKubectl } from "./suites/kubectl-steps.ts";

onKubectl("kubectl that makes objects", await findKubectl(top), { "kubectl create, run, expose": kubectlCreates });
