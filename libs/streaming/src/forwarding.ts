// One forwarded connection: the client's data stream and a connection to the pod's port, joined in both directions. Each
// direction ends by itself, so that a client may say "that was all" and still read the answer.
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { PortRequest, StreamingTarget } from "./streaming-target.ts";

export interface ForwardedStreams {
  readonly data: Duplex;
  /** Text that says why there is no connection; it ends with the data. */
  readonly error: Duplex;
}

/** Resolves when both directions are over or the client is gone. */
export async function forward(
  target: StreamingTarget,
  request: PortRequest,
  { data, error }: ForwardedStreams,
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  data.once("close", () => gone.abort());
  error.resume();
  try {
    const remote = await target.connect(request, AbortSignal.any([signal, gone.signal]));
    await join(data, remote);
    error.end();
  } catch (failure) {
    const why = failure instanceof Error ? failure.message : String(failure);
    error.end(
      `an error occurred forwarding to port ${request.port} of pod ${request.namespace}/${request.pod}: ${why}`,
    );
    if (data.writable) data.end();
    data.resume();
  }
}

/** @throws what broke the connection to the pod before it was over */
async function join(client: Duplex, remote: Duplex): Promise<void> {
  let failure: Error | undefined;
  remote.on("error", (error) => (failure = error));
  client.on("error", () => remote.destroy());
  client.once("close", () => {
    // Over in order: what is still on its way to the pod may arrive.
    if (!(client.readableEnded && client.writableFinished)) remote.destroy();
  });
  remote.once("close", () => {
    if (client.writable) client.end();
  });
  client.pipe(remote);
  remote.pipe(client);
  if (!remote.closed) await once(remote, "close");
  if (failure !== undefined) throw failure;
}
