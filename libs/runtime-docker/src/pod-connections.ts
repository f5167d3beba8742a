// Connections to ports inside a pod, its loopback address included: a small relay is started in the pod's network namespace
// and its standard streams are the connection.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

const relay = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./port-relay.ts" : "./port-relay.js", import.meta.url),
);
/** What the relay says on its third stream once it is connected. */
const connected = "connected\n";
const problemBytesMax = 4096;

/** @param pid of a process in the pod's network namespace. @throws Error when nobody listens, or the signal aborts */
export async function connectInPod(pid: number, port: number, signal: AbortSignal): Promise<Duplex> {
  const child = spawn("nsenter", ["--target", String(pid), "--net", process.execPath, relay, String(port)], {
    stdio: ["pipe", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  await untilConnected(child);
  return new RelayedConnection(child);
}

async function untilConnected(child: ChildProcessWithoutNullStreams): Promise<void> {
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.once("exit", () => reject(new Error(said.trim() === "" ? "the relay ended" : said.trim())));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-problemBytesMax);
      if (said.endsWith(connected)) resolve();
    });
  });
}

class RelayedConnection extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(child: ChildProcessWithoutNullStreams) {
    super({ allowHalfOpen: true });
    this.#child = child;
    this.on("error", () => undefined);
    child.stdin.on("error", () => this.destroy());
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stdout.once("end", () => this.push(null));
    child.stdout.pause();
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.kill("SIGKILL");
    done(error);
  }
}
