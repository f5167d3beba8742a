// The tables behind /debug/api_priority_and_fairness/: columns and words are Kubernetes' own, so that what people have
// written to read them goes on working. Only queues in use are shown; the others do not exist.
import { microTimeText } from "@triarch/api";
import type { FlowController } from "./flow-controller.ts";
import type { PriorityLevel } from "./priority-level.ts";
import { bookedWork } from "./flow-queue.ts";
import type { Ticket } from "./ticket.ts";

type Row = readonly string[];

const levelColumns = [
  "PriorityLevelName",
  "ActiveQueues",
  "IsIdle",
  "IsQuiescing",
  "WaitingRequests",
  "ExecutingRequests",
  "DispatchedRequests",
  "RejectedRequests",
  "TimedoutRequests",
  "CancelledRequests",
];
const queueColumns = [
  "PriorityLevelName",
  "Index",
  "PendingRequests",
  "ExecutingRequests",
  "SeatsInUse",
  "NextDispatchR",
  "InitialSeatsSum",
  "MaxSeatsSum",
  "TotalWorkSum",
];
const requestColumns = [
  "PriorityLevelName",
  "FlowSchemaName",
  "QueueIndex",
  "RequestIndexInQueue",
  "FlowDistingsher",
  "ArriveTime",
  "InitialSeats",
  "FinalSeats",
  "AdditionalLatency",
  "StartTime",
];
const detailColumns = ["UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource"];
/** Go's zero time: not started yet. */
const neverText = "0001-01-01T00:00:00Z";

/** A row per level. */
export function dumpPriorityLevels(controller: FlowController): string {
  const stats = [...controller.flowStats()];
  const rows = controller.levels().map((level): Row => {
    const own = stats.filter(({ levelName }) => levelName === level.name);
    const sum = (pick: (one: (typeof own)[number]) => number): number => own.reduce((all, one) => all + pick(one), 0);
    const { queues } = level;
    const counts = [
      queues.waiting,
      queues.executing.size,
      sum(({ dispatched }) => dispatched),
      sum(({ refused }) => Object.values(refused).reduce((all, one) => all + one, 0)),
      sum(({ refused }) => refused["time-out"]),
      sum(({ refused }) => refused.cancelled),
    ];
    const active = queues.queues().filter(({ waiting }) => waiting.length > 0).length;
    return [level.name, ...[active, queues.isIdle, level.isQuiescing, ...counts].map(String)];
  });
  return tableText(levelColumns, rows);
}

/** A row per queue in use. */
export function dumpQueues(controller: FlowController): string {
  const rows = controller.levels().flatMap((level) =>
    level.queues.queues().map((queue): Row => {
      const { index, waiting, executing, seatsInUse, nextR } = queue;
      const initial = waiting.reduce((sum, { work }) => sum + work.seats, 0);
      const most = waiting.reduce((sum, { width }) => sum + width, 0);
      const work = waiting.reduce((sum, ticket) => sum + bookedWork(ticket), 0);
      const head = [level.name, ...[index, waiting.length, executing, seatsInUse].map(String)];
      return [...head, seatSecondsText(nextR), String(initial), String(most), seatSecondsText(work)];
    }),
  );
  return tableText(queueColumns, rows);
}

export interface DumpRequestsOptions {
  /** Wall clock less monotonic clock. */
  readonly epochMs: number;
  readonly includeDetails: boolean;
}

/** A row per request that executes or waits. */
export function dumpRequests(controller: FlowController, options: DumpRequestsOptions): string {
  const rows = controller
    .levels()
    .flatMap((level) => [
      ...[...level.queues.executing].map((ticket) => requestRow(level, ticket, -1, options)),
      ...level.queues
        .queues()
        .flatMap(({ waiting }) => waiting.map((ticket, at) => requestRow(level, ticket, at, options))),
    ]);
  return tableText(options.includeDetails ? [...requestColumns, ...detailColumns] : requestColumns, rows);
}

function requestRow(level: PriorityLevel, ticket: Ticket, at: number, options: DumpRequestsOptions): Row {
  const { stats, queue, flow, arrivedMs, startedMs, state, work } = ticket;
  const timeAt = (ms: number): string => microTimeText(options.epochMs + ms);
  const own = [
    level.name,
    stats.schemaName,
    String(queue?.index ?? -1),
    String(at),
    flow?.distinguisher ?? "",
    timeAt(arrivedMs),
    String(work.seats),
    String(work.finalSeats),
    work.lingerMs === 0 ? "0s" : `${work.lingerMs}ms`,
    state === "waiting" ? neverText : timeAt(startedMs),
  ];
  return options.includeDetails ? [...own, ...detailsOf(ticket)] : own;
}

function detailsOf({ user, request }: Ticket): Row {
  if (request.kind === "path") return [user.name, request.verb, request.path, "", "", "", "", ""];
  const { verb, namespace, name, apiGroup, resource, subresource } = request;
  return [user.name, verb, "", namespace, name, apiGroup, resource, subresource];
}

function seatSecondsText(seatMs: number): string {
  return `${(seatMs / 1000).toFixed(8)}ss`;
}

const columnWidthMin = 8;

/** Cells with a comma behind all but the last, columns aligned. */
function tableText(columns: Row, rows: readonly Row[]): string {
  const cells = [columns, ...rows].map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : `${cell},`)));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? "").length + 1), columnWidthMin));
  const lines = cells.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join(""),
  );
  return `${lines.join("\n")}\n`;
}
