// Commands with streams, attaching and connections, against containers of a real engine.
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerRuntime, ContainerStreams } from "@triarch/runtime-hollow";

export type Check = (name: string, ok: boolean, detail?: unknown) => void;

interface Targets {
  /** Runs, is read-only, and has a shell. */
  readonly container: string;
  /** Repeats what it reads. */
  readonly cat: string;
  readonly sandbox: string;
  /** Of a web server on the pod's loopback address. */
  readonly port: number;
}

interface Running {
  readonly streams: ContainerStreams;
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly stop: AbortController;
}

function streamsOf(size?: { readonly width: number; readonly height: number }): Running {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const stop = new AbortController();
  const streams: ContainerStreams = {
    ...{ stdin, stdout, stderr, signal: stop.signal },
    onResize: (handler) => {
      if (size !== undefined) handler(size);
    },
  };
  return { streams, stdin, stdout, stderr, stop };
}

export async function checkStreams(runtime: ContainerRuntime, targets: Targets, check: Check): Promise<void> {
  const shell = async (script: string, running: Running, tty = false): Promise<number> => {
    const command = ["sh", "-c", script];
    const { exitCode } = await runtime.runCommand(targets.container, { command, tty }, running.streams);
    running.stdout.end();
    running.stderr.end();
    return exitCode;
  };

  const sleeping = async (seconds: string): Promise<string> => {
    let count = "";
    for (let looks = 0; looks < 100 && count !== "0"; looks += 1) {
      const command = ["sh", "-c", `ps | grep -c '[s]leep ${seconds}'`];
      count = (await runtime.exec(targets.container, command, 10_000)).output.trim();
      if (count !== "0") await delay(50);
    }
    return count;
  };

  const apart = streamsOf();
  apart.stdin.end();
  const code = await shell("echo out; echo err >&2; exit 7", apart);
  const both = [code, await text(apart.stdout), await text(apart.stderr)];
  check("a command's streams are apart, and its exit code is told", both.join() === "7,out\n,err\n", both);

  const large = streamsOf();
  large.stderr.resume();
  large.stdin.end(Buffer.alloc(3_000_000, "0123456789"));
  const [, counted] = await Promise.all([shell("tee /dev/stderr | wc -c", large), text(large.stdout)]);
  check("megabytes through stdin, and its end", counted.trim() === "3000000", counted);

  const sized = streamsOf({ width: 123, height: 41 });
  const [, shown] = await Promise.all([
    shell('while [ "$(stty size 2>/dev/null)" != "41 123" ]; do sleep 0.05; done; echo sized', sized, true),
    text(sized.stdout),
  ]);
  check("a terminal has the client's size", shown === "sized\r\n", shown);

  const left = streamsOf();
  const leaving = shell("echo begun; sleep 1000", left).catch(() => 0);
  await once(left.stdout, "data");
  left.stop.abort();
  await leaving;
  const remaining = await sleeping("1000");
  check("a command whose client is gone is killed, and what it started", remaining === "0", remaining);

  // Docker knows the process of a command only some time after it was asked to start it.
  const hasty = streamsOf();
  hasty.stop.abort();
  await shell("sleep 2000", hasty).catch(() => 0);
  const ofHasty = await sleeping("2000");
  check("a command whose client left while it began is killed", ofHasty === "0", ofHasty);

  const attached = streamsOf();
  const attaching = runtime.attach(targets.cat, attached.streams);
  attached.stdin.write("hello\n");
  const [echoed] = (await once(attached.stdout, "data")) as [Buffer];
  attached.stop.abort();
  const { exitCode } = await attaching;
  const again = await runtime.exec(targets.cat, ["true"], 10_000);
  const ended = [echoed.toString(), exitCode, again.exitCode];
  check("attached: its own streams, and it goes on afterwards", ended.join() === "hello\n,0,0", ended);

  const connection = await runtime.connect(targets.sandbox, targets.port, new AbortController().signal);
  connection.end("GET /none HTTP/1.0\r\n\r\n");
  const answer = await text(connection);
  check("a port of the pod's loopback address", /^HTTP\/1\.\d 404/.test(answer), answer);
  const refused = await runtime.connect(targets.sandbox, 9, new AbortController().signal).then(
    () => "connected",
    (error: unknown) => String(error),
  );
  check("a port where nobody listens", refused.includes("ECONNREFUSED"), refused);
}
