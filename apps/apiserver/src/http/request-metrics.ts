// Request counts and durations under kube-apiserver's metric names, so that existing dashboards and alerts read them.
import { Counter, Histogram, type Registry } from "@triarch/telemetry";
import type { RequestInfo } from "./request-info.ts";

export interface RequestMetrics {
  /** For streams the time until the first byte. */
  observe(info: RequestInfo, code: number, seconds: number): void;
}

export function requestMetrics(registry: Registry): RequestMetrics {
  const labelNames = ["verb", "group", "version", "resource", "subresource"] as const;
  const total = new Counter({
    name: "apiserver_request_total",
    help: "Requests by verb, resource and HTTP status code",
    labelNames: [...labelNames, "code"],
    registers: [registry],
  });
  const duration = new Histogram({
    name: "apiserver_request_duration_seconds",
    help: "Time from a request read to its answer ready",
    labelNames: [...labelNames],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  return {
    observe: (info, code, seconds) => {
      const labels = labelsOf(info, code);
      total.inc({ ...labels, code: String(code) });
      duration.observe(labels, seconds);
    },
  };
}

/** Names that no server serves would be labels without a bound: they count as one. */
function labelsOf(info: RequestInfo, code: number) {
  const verb = info.verb.toUpperCase();
  if (info.kind === "path" || code === 404) return { verb, group: "", version: "", resource: "", subresource: "" };
  const { group, version, resource, subresource } = info;
  return { verb, group, version, resource, subresource };
}
