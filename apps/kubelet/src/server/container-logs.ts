// Finds the container that a log request means and opens its output.
import { Transform, type Readable, type TransformCallback } from "node:stream";
import { parseTime, type Pod } from "@triarch/api";
import type { Lister } from "@triarch/informer";
import type { ContainerRuntime } from "@triarch/runtime-hollow";

/** An answer for the caller; `message` is what kubectl prints. */
export class LogRequestError extends Error {
  override readonly name = "LogRequestError";
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** @throws LogRequestError 400 or 404 */
export async function openLogs(options: {
  readonly pods: Lister<Pod>;
  readonly runtime: ContainerRuntime;
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
}): Promise<Readable> {
  const { namespace, name, container, query, runtime } = options;
  const pod = options.pods.get(`${namespace}/${name}`);
  if (pod === undefined) throw new LogRequestError(404, `pod "${namespace}/${name}" is not on this node`);
  const record = await runtime.getPod(pod.metadata?.uid ?? "");
  const began = (record?.containers ?? []).filter((one) => one.name === container && one.state.kind !== "created");
  const previous = query.get("previous") === "true";
  // While a container waits for its restart, the run before is the last one that there is.
  const found = previous
    ? began.find((one) => one.state.kind === "exited" && (one !== began[0] || began.length === 1))
    : began[0];
  if (found === undefined) throw new LogRequestError(400, missing(pod, container, previous));
  const tail = numberOf(query, "tailLines");
  const sinceMs = since(query);
  const stream = query.get("stream")?.toLowerCase();
  const logs = await runtime.logs(found.id, {
    follow: query.get("follow") === "true",
    timestamps: query.get("timestamps") === "true",
    ...(tail === undefined ? {} : { tailLines: tail }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(stream === "stdout" || stream === "stderr" ? { stream } : {}),
    signal: options.signal,
  });
  const limitBytes = numberOf(query, "limitBytes");
  if (limitBytes === undefined) return logs;
  const limited = new ByteLimit(limitBytes, () => logs.destroy());
  logs.on("error", (error) => limited.destroy(error));
  return logs.pipe(limited);
}

function missing(pod: Pod, container: string, previous: boolean): string {
  const name = pod.metadata?.name ?? "";
  if (previous) return `previous terminated container "${container}" in pod "${name}" not found`;
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const waiting = statuses.find((one) => one.name === container)?.state?.waiting;
  return `container "${container}" in pod "${name}" is waiting to start: ${waiting?.message ?? waiting?.reason ?? "ContainerCreating"}`;
}

function since(query: URLSearchParams): number | undefined {
  const seconds = numberOf(query, "sinceSeconds");
  if (seconds !== undefined) return Date.now() - seconds * 1000;
  const time = query.get("sinceTime");
  return time === null ? undefined : parseTime(time);
}

/** @throws LogRequestError 400 on what is no whole number of 0 or more */
function numberOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new LogRequestError(400, `${key}: "${text}" is no whole number of 0 or more`);
  return Number(text);
}

class ByteLimit extends Transform {
  #left: number;
  readonly #reached: () => void;

  constructor(limitBytes: number, reached: () => void) {
    super();
    this.#left = limitBytes;
    this.#reached = reached;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#left <= 0) return done();
    const part = chunk.subarray(0, this.#left);
    this.#left -= part.length;
    this.push(part);
    if (this.#left <= 0) {
      this.push(null);
      this.#reached();
    }
    done();
  }
}
