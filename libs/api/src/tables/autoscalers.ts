// The table of HorizontalPodAutoscalers: what is measured beside what is wanted, for the first metrics.
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from "../generated/types.generated.ts";
import { storedAutoscalerVersion } from "../schema/autoscaler-versions.ts";
import { convertToVersion } from "../schema/versions.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { ageOf, nameOf } from "./cells.ts";
import { ageColumn, type KindTable, nameColumn, textColumn } from "./table.ts";

const metricsShownMax = 2;
const unknown = "<unknown>";

export const horizontalPodAutoscalerTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Reference", "What is scaled."),
    textColumn("Targets", "Measured and wanted values."),
    textColumn("MinPods", "Fewest pods."),
    textColumn("MaxPods", "Most pods."),
    textColumn("Replicas", "Pods that were seen last."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { spec = {}, status = {} } = sparse<HorizontalPodAutoscaler>(
      convertToVersion(object, storedAutoscalerVersion),
    );
    const { scaleTargetRef: target = {}, metrics = [], minReplicas, maxReplicas = 0 } = spec;
    return [
      nameOf(object),
      `${target.kind ?? ""}/${target.name ?? ""}`,
      metricsText(metrics, status.currentMetrics ?? []),
      minReplicas === undefined ? "<unset>" : String(minReplicas),
      maxReplicas,
      status.currentReplicas ?? 0,
      ageOf(object, nowMs),
    ];
  },
};

function metricsText(metrics: readonly Sparse<MetricSpec>[], measured: readonly Sparse<MetricStatus>[]): string {
  if (metrics.length === 0) return "<none>";
  const shown = metrics.slice(0, metricsShownMax).map((metric, i) => metricText(metric, measured[i] ?? {}));
  const more = metrics.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` + ${more} more...` : "");
}

function metricText(metric: Sparse<MetricSpec>, measured: Sparse<MetricStatus>): string {
  switch (metric.type) {
    case "Pods":
      return `${measured.pods?.current?.averageValue ?? unknown}/${metric.pods?.target?.averageValue ?? ""}`;
    case "Object":
      return totalText(metric.object?.target, measured.object?.current);
    case "External":
      return totalText(metric.external?.target, measured.external?.current);
    case "Resource":
      return resourceText(metric.resource, measured.resource?.current);
    case "ContainerResource":
      return resourceText(metric.containerResource, measured.containerResource?.current);
    default:
      return "<unknown type>";
  }
}

interface Amounts {
  readonly value?: string;
  readonly averageValue?: string;
  readonly averageUtilization?: number;
}

function totalText(target: Amounts = {}, current: Amounts = {}): string {
  if (target.averageValue !== undefined) return `${current.averageValue ?? unknown}/${target.averageValue} (avg)`;
  return `${current.value ?? unknown}/${target.value ?? ""}`;
}

function resourceText(
  source: { readonly name?: string; readonly target?: Amounts } = {},
  current: Amounts = {},
): string {
  const { name = "", target = {} } = source;
  if (target.averageValue !== undefined) return `${name}: ${current.averageValue ?? unknown}/${target.averageValue}`;
  const wanted = target.averageUtilization === undefined ? "<auto>" : `${target.averageUtilization}%`;
  const found = current.averageUtilization === undefined ? unknown : `${current.averageUtilization}%`;
  return `${name}: ${found}/${wanted}`;
}
