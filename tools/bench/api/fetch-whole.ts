// One list to its last byte, in one answer or in pages.
import { HttpConnection } from "./http-connection.ts";
import type { FetchOrder, FetchResult, LoadTargets } from "./protocol.ts";
import { RequestBytes } from "./request-bytes.ts";

/** The list's metadata, and in it the token, is in front of its items. */
const tokenWithinBytes = 4_096;

export async function fetchWhole(
  { urls, tls }: LoadTargets,
  { request, master, paged }: FetchOrder,
): Promise<FetchResult> {
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const connection = await HttpConnection.open(urls[master] ?? "", tls, broken.reject);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  try {
    let bodyBytes = 0;
    let requests = 0;
    let token: string | undefined;
    do {
      const path = token === undefined ? request.path : `${request.path}&continue=${encodeURIComponent(token)}`;
      const page = await Promise.race([fetchOne(connection, new RequestBytes({ ...request, path })), broken.promise]);
      bodyBytes += page.bodyBytes;
      requests += 1;
      token = paged ? tokenOf(page.front) : undefined;
    } while (token !== undefined);
    const elapsedMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { elapsedMs, bodyBytes, requests, cpuMs: (user + system) / 1_000 };
  } finally {
    connection.close();
  }
}

interface Page {
  readonly bodyBytes: number;
  readonly front: Buffer;
}

function fetchOne(connection: HttpConnection, request: RequestBytes): Promise<Page> {
  let front = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    connection.exchange(request.bytes, {
      onBody(part) {
        if (front.length < tokenWithinBytes) front = Buffer.concat([front, part.subarray(0, tokenWithinBytes)]);
      },
      onAnswer({ status, bodyBytes }) {
        if (status === 200) resolve({ bodyBytes, front });
        else reject(new Error(`a list was answered ${status}: ${front.toString()}`));
      },
    });
  });
}

function tokenOf(front: Buffer): string | undefined {
  return /"continue":"([^"]+)"/.exec(front.toString("latin1", 0, tokenWithinBytes))?.[1];
}
