import type { ListenAddress } from "../http/listeners.ts";

/** The program was called or configured wrongly: one line on standard error, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `127.0.0.1:6443` or `[::1]:6443`; port 0 takes any free one. @throws UsageError naming `what` */
export function parseListenAddress(text: string, what: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) throw new UsageError(`${what}: "${text}" is no address; write HOST:PORT`);
  return { host, port };
}
