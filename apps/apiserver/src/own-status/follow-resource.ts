// The server's own look at a resource: each object that there is, then each change, for as long as the server runs.
import type { ResourceInfo } from "@triarch/api";
import type { ResourceStore, WatchEvent, WatchSubscription } from "../storage/index.ts";

export interface ResourceFollower {
  close(): void;
}

/** A watch is begun anew after this time, or after `retryMs` when it failed: then everything comes again. */
const watchMs = 600_000;
const retryMs = 1_000;

export function followResource(
  store: ResourceStore,
  resource: ResourceInfo,
  onEvent: (event: WatchEvent & { readonly kind: "object" }) => void,
): ResourceFollower {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let subscription: WatchSubscription | undefined;
  const follow = (): void => {
    subscription = store.watch(
      resource,
      { timeoutMs: watchMs },
      {
        event: (event) => {
          if (event.kind === "object") onEvent(event);
          return true;
        },
        end: (end) => {
          subscription = undefined;
          if (!isClosed && end.kind !== "closed") timer = setTimeout(follow, end.kind === "timeout" ? 0 : retryMs);
        },
      },
    );
  };
  follow();
  return {
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      subscription?.close();
    },
  };
}
