// A release of a chart with hooks and tests, by helm 4.
import { helmWorks } from "./suites/helm.ts";

await helmWorks("4");
