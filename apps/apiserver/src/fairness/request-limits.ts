// Which requests have no end, and how long the others may wait for a seat.
import type { RequestAttributes } from "@triarch/auth";
import { parseDurationMs } from "@triarch/etcd-server";

/** Of requests that name no time of their own; also the longest that anything holds seats after its answer is made. */
export const requestTimeoutMs = 60_000;
/** The part of its time that a request may spend in a queue. */
const waitPart = 1 / 4;
const endlessSubresources: ReadonlySet<string> = new Set(["attach", "exec", "proxy", "log", "portforward"]);

/** As Kubernetes; watches, which begin like a list, are counted until they have begun. */
export function isLongRunning(attributes: RequestAttributes): boolean {
  return (
    attributes.kind === "resource" && (attributes.verb === "proxy" || endlessSubresources.has(attributes.subresource))
  );
}

/** A quarter of `timeout`, as clients give it (`30s`); at most 15 s. */
export function waitLimitMs(query: URLSearchParams): number {
  const given = query.get("timeout");
  const timeoutMs = given === null ? undefined : parseDurationMs(given);
  return Math.min(timeoutMs ?? requestTimeoutMs, requestTimeoutMs) * waitPart;
}
