// Kubernetes' metrics of API priority and fairness, under its names. The controller counts; here its counts are read when
// somebody asks, so a request pays for none of this.
import type { Buckets, FlowController, FlowStats, PriorityLevel, RefusalReason } from "@triarch/flow-control";
import { Counter, Gauge, type Histogram, type Registry } from "@triarch/telemetry";

const flowLabels = ["priority_level", "flow_schema"];

export function fairnessMetrics(registry: Registry, controller: FlowController): void {
  flowMetrics(registry, controller);
  flowHistograms(registry, controller);
  levelMetrics(registry, controller);
}

function flowMetrics(registry: Registry, controller: FlowController): void {
  const flowGauge = (name: string, help: string, read: (stats: FlowStats) => number): void => {
    new Gauge({
      ...{ name: nameOf(name), help, labelNames: flowLabels, registers: [registry] },
      collect() {
        this.reset();
        for (const stats of controller.flowStats()) this.set(labelsOf(stats), read(stats));
      },
    });
  };
  const flowCounter = (name: string, help: string, read: (stats: FlowStats) => number): void => {
    new Counter({
      ...{ name: nameOf(name), help, labelNames: flowLabels, registers: [registry] },
      collect() {
        this.reset();
        for (const stats of controller.flowStats()) this.inc(labelsOf(stats), read(stats));
      },
    });
  };
  flowGauge("current_inqueue_requests", "Requests that wait in queues", ({ waiting }) => waiting);
  flowGauge("current_inqueue_seats", "Seats that waiting requests will take", ({ waitingSeats }) => waitingSeats);
  flowGauge(
    "current_executing_requests",
    "Requests that execute; watches while they begin",
    ({ executing }) => executing,
  );
  flowGauge("current_executing_seats", "Seats taken by what executes", ({ executingSeats }) => executingSeats);
  flowCounter("dispatched_requests_total", "Requests that were executed", ({ dispatched }) => dispatched);
  flowCounter(
    "request_dispatch_no_accommodation_total",
    "Dispatches put off because the next request takes more seats than are free",
    ({ noAccommodation }) => noAccommodation,
  );
  new Counter({
    name: nameOf("rejected_requests_total"),
    help: "Requests that were refused, by reason",
    labelNames: [...flowLabels, "reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const stats of controller.flowStats()) {
        for (const reason of Object.keys(stats.refused) as RefusalReason[]) {
          if (stats.refused[reason] > 0) this.inc({ ...labelsOf(stats), reason }, stats.refused[reason]);
        }
      }
    },
  });
}

function flowHistograms(registry: Registry, controller: FlowController): void {
  const histogram = (name: string, help: string, read: (stats: FlowStats) => Rows): void =>
    registerHistogram(registry, nameOf(name), help, () =>
      [...controller.flowStats()].flatMap((stats) =>
        read(stats).map(([labels, buckets]) => [{ ...labelsOf(stats), ...labels }, buckets] as const),
      ),
    );
  histogram("request_wait_duration_seconds", "Time in a queue", ({ waitsExecuted, waitsRefused }) => [
    [{ execute: "true" }, waitsExecuted],
    [{ execute: "false" }, waitsRefused],
  ]);
  histogram("request_execution_seconds", "Time of execution; of watches, until they have begun", (stats) => [
    [{ type: "regular" }, stats.executionSeconds],
    [{ type: "watch" }, stats.watchStartSeconds],
  ]);
  histogram("work_estimated_seats", "Seats that requests were expected to need", ({ seats }) => [[{}, seats]]);
  histogram("request_queue_length_after_enqueue", "Length of its queue, as each request found it", (stats) => [
    [{}, stats.queueLengths],
  ]);
}

function levelMetrics(registry: Registry, controller: FlowController): void {
  const levelGauge = (name: string, help: string, read: (level: PriorityLevel) => number): void => {
    new Gauge({
      ...{ name: nameOf(name), help, labelNames: ["priority_level"], registers: [registry] },
      collect() {
        this.reset();
        for (const level of controller.levels()) this.set({ priority_level: level.name }, read(level));
      },
    });
  };
  levelGauge("nominal_limit_seats", "Seats by the level's shares", ({ limits }) => limits.nominal);
  levelGauge("lower_limit_seats", "Seats left when all that may be lent is lent", ({ limits }) => limits.lower);
  levelGauge("upper_limit_seats", "Seats with all that may be borrowed", ({ limits }) => limits.upper);
  levelGauge("current_limit_seats", "Seats that the level has now", ({ seatsMax }) => seatsMax);
  levelGauge("target_seats", "Seats that the level should have by its demand", ({ targetSeats }) => targetSeats);
  levelGauge("current_r", "Virtual time, in seat-seconds", ({ queues }) => queues.currentR / 1000);
  const demand = "over the last adjustment period";
  levelGauge(
    "demand_seats_high_watermark",
    `Most seats wanted ${demand}`,
    (one) => one.queues.demand.last.highWatermark,
  );
  levelGauge("demand_seats_average", `Seats wanted on average ${demand}`, (one) => one.queues.demand.last.average);
  levelGauge(
    "demand_seats_stdev",
    `Deviation of the seats wanted ${demand}`,
    (one) => one.queues.demand.last.deviation,
  );
  levelGauge("demand_seats_smoothed", "Seats wanted, smoothed over periods", (one) => one.queues.demand.last.smoothed);
  new Gauge({
    name: nameOf("seat_fair_frac"),
    help: "Part of its target that each level within its bounds gets",
    registers: [registry],
    collect() {
      this.set(controller.fairFraction);
    },
  });
}

type Labels = Readonly<Record<string, string>>;

type Rows = readonly (readonly [labels: Labels, buckets: Buckets])[];

/** A histogram whose counts somebody else keeps: the registry asks a metric for its name and its samples, no more. */
function registerHistogram(registry: Registry, name: string, help: string, rows: () => Rows): void {
  const get = async (): Promise<object> => {
    const values = rows().flatMap(([labels, buckets]) => (buckets.count === 0 ? [] : samples(name, labels, buckets)));
    return { name, help, type: "histogram", values, aggregator: "sum" };
  };
  registry.registerMetric({ name, get } as unknown as Histogram);
}

interface Sample {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

function samples(name: string, labels: Labels, { bounds, counts, sum, count }: Buckets): readonly Sample[] {
  let below = 0;
  const buckets = bounds.map((bound, i): Sample => {
    below += counts[i] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le: String(bound), ...labels }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: "+Inf", ...labels }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

function labelsOf({ levelName, schemaName }: FlowStats): Labels {
  return { priority_level: levelName, flow_schema: schemaName };
}

function nameOf(name: string): string {
  return `apiserver_flowcontrol_${name}`;
}
