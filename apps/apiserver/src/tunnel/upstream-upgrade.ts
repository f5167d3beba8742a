// Asks another server to upgrade a connection: a kubelet, or what listens in a pod. The connection is one of its own.
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

export interface UpgradeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** For https: who we are and whom we believe. */
  readonly tls: UpstreamTls;
  readonly signal: AbortSignal;
}

export interface UpstreamTls {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly rejectUnauthorized?: boolean;
}

export type UpgradeResult =
  | {
      readonly kind: "upgraded";
      /** Name, value, name, value. */
      readonly rawHeaders: readonly string[];
      readonly socket: Socket;
      /** What came behind the head already. */
      readonly head: Buffer;
    }
  | { readonly kind: "refused"; readonly answer: IncomingMessage };

/** Until the connection stands and the head of the answer is there. */
const upgradeTimeoutMs = 30_000;

/** @throws Error when there is no answer: nobody listens, TLS failed, time was up, the caller is gone */
export async function requestUpgrade({ url, method, headers, tls, signal }: UpgradeRequest): Promise<UpgradeResult> {
  const { request } = url.protocol === "https:" ? https : http;
  const asked = request(url, { method, headers, agent: false, ...tls });
  const giveUp = (): void => void asked.destroy(new Error("the client is gone"));
  const timer = setTimeout(() => {
    asked.destroy(new Error(`no answer within ${upgradeTimeoutMs / 1000} s`));
  }, upgradeTimeoutMs);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    if (signal.aborted) giveUp();
    return await new Promise<UpgradeResult>((resolve, reject) => {
      asked.once("error", reject);
      asked.once("upgrade", (answer, socket, head) => {
        resolve({ kind: "upgraded", rawHeaders: answer.rawHeaders, socket, head });
      });
      asked.once("response", (answer) => resolve({ kind: "refused", answer }));
      asked.end();
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}
