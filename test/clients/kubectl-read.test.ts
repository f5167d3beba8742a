// kubectl 1.34 against `triarch api`: what looks at objects and at the server.
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import { kubectlReads } from "./suites/kubectl-read.ts";
import { onKubectl } from "./suites/kubectl-steps.ts";

onKubectl("kubectl that looks", await findKubectl(top), { "kubectl get, describe, explain, wait": kubectlReads });
