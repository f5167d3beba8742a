// What a request will probably cost: lists by the objects there are, writes by those who watch.
import { findResource } from "@triarch/api";
import type { RequestAttributes } from "@triarch/auth";
import { listWork, oneSeat, type Work, writeWork } from "@triarch/flow-control";
import { isTrue } from "../http/request-info.ts";
import type { ResourceStore } from "../storage/index.ts";
import type { WatchCounts } from "./watch-counts.ts";

export interface Asked {
  readonly attributes: RequestAttributes;
  /** Of the API group; empty for paths. */
  readonly version: string;
  readonly query: URLSearchParams;
}

export interface Costs {
  readonly store: Pick<ResourceStore, "count">;
  readonly watches: WatchCounts;
}

/** @param seatsMax of the request's level */
export function requestWork(asked: Asked, seatsMax: number, { store, watches }: Costs): Work {
  const { attributes, query } = asked;
  if (attributes.kind === "path") return oneSeat;
  switch (attributes.verb) {
    case "list":
      return readWork(asked, seatsMax, store);
    case "watch":
      // Only a watch that is asked to list counts as a list.
      return isTrue(query.get("sendInitialEvents")) ? readWork(asked, seatsMax, store) : oneSeat;
    case "create":
    case "update":
    case "patch":
    case "delete":
      // A token is stored nowhere.
      return attributes.subresource === "token" ? oneSeat : writeWork(watches.of(attributes), seatsMax);
    default:
      return oneSeat;
  }
}

function readWork({ attributes, version, query }: Asked, seatsMax: number, store: Costs["store"]): Work {
  // Narrowed to one name it is found at once.
  if (attributes.kind === "path" || attributes.name !== "") return oneSeat;
  const resource = findResource(attributes.apiGroup, version, attributes.resource);
  if (resource === undefined) return oneSeat;
  const hasSelectors = query.has("labelSelector") || query.has("fieldSelector");
  const limit = Math.max(Math.trunc(Number(query.get("limit") ?? "0")) || 0, 0);
  return listWork({ stored: store.count(resource), limit, hasSelectors }, seatsMax);
}
