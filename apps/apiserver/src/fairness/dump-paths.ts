// /debug/api_priority_and_fairness/: what waits and executes at this moment, for people.
import type { Clock } from "@triarch/base";
import { dumpPriorityLevels, dumpQueues, dumpRequests, type FlowController } from "@triarch/flow-control";
import { type Answer, textAnswer } from "../http/answer.ts";

const prefix = "/debug/api_priority_and_fairness/";

/** @returns undefined for other paths */
export function dumpAnswer(
  controller: FlowController,
  clock: Clock,
  path: string,
  query: URLSearchParams,
): Answer | undefined {
  switch (path) {
    case `${prefix}dump_priority_levels`:
      return textAnswer(dumpPriorityLevels(controller));
    case `${prefix}dump_queues`:
      return textAnswer(dumpQueues(controller));
    case `${prefix}dump_requests`: {
      const epochMs = clock.nowMs() - clock.monotonicMs();
      const includeDetails = (query.get("includeRequestDetails") ?? "") !== "";
      return textAnswer(dumpRequests(controller, { epochMs, includeDetails }));
    }
    default:
      return undefined;
  }
}
