// One exec or attach: the streams of either protocol are brought into one shape, the target runs the command, and its
// end is told on the error channel.
import type { Duplex, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { endMessage, type CommandEnd } from "./command-end.ts";
import type { CommandRequest, StreamingTarget, TerminalSize } from "./streaming-target.ts";

/** What a protocol has opened for a command. */
export interface CommandChannels {
  readonly stdin: Duplex | undefined;
  readonly stdout: Duplex | undefined;
  readonly stderr: Duplex | undefined;
  readonly error: Duplex;
  readonly resize: Duplex | undefined;
}

/** Of one message about the terminal's size; what is longer is no such message. */
const resizeTextMax = 1024;

/** Resolves when the end has been told, or when there is nobody left to tell. */
export async function runCommand(
  target: StreamingTarget,
  request: CommandRequest,
  channels: CommandChannels,
  options: { readonly protocol: string; readonly signal: AbortSignal },
): Promise<void> {
  if (options.signal.aborted) return;
  const sizes = resizes(channels.resize);
  const end = await target
    .run(request, {
      stdin: channels.stdin,
      stdout: channels.stdout,
      stderr: channels.stderr,
      onResize: sizes.onResize,
      signal: options.signal,
    })
    .then(
      ({ exitCode }): CommandEnd => ({ kind: "exited", exitCode }),
      (error: unknown): CommandEnd => ({ kind: "failed", message: (error as Error).message }),
    );
  // What the command did not want to read must not keep us from seeing the client go.
  channels.stdin?.resume();
  if (options.signal.aborted) return;
  const message = endMessage(options.protocol, end);
  await Promise.all([
    endOf(channels.stdout),
    endOf(channels.stderr),
    endOf(channels.error, message === "" ? undefined : message),
  ]);
}

/** Ends the writing side; a client that is gone by then is no failure. */
async function endOf(stream: Writable | undefined, last?: string): Promise<void> {
  if (stream === undefined || stream.destroyed) return;
  if (!stream.writableEnded) stream.end(last);
  await finished(stream, { readable: false }).catch(() => undefined);
}

/** The client sends `{"Width":80,"Height":24}`, one document after another. Others are ignored. */
function resizes(channel: Duplex | undefined): { readonly onResize: (handler: (size: TerminalSize) => void) => void } {
  let last: TerminalSize | undefined;
  let handler: ((size: TerminalSize) => void) | undefined;
  let text = "";
  channel?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
    for (let close = text.indexOf("}"); close >= 0; close = text.indexOf("}")) {
      const size = sizeOf(text.slice(0, close + 1));
      text = text.slice(close + 1);
      if (size === undefined) continue;
      last = size;
      handler?.(size);
    }
    if (text.length > resizeTextMax) text = "";
  });
  return {
    onResize: (one) => {
      handler = one;
      if (last !== undefined) one(last);
    },
  };
}

function sizeOf(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { readonly Width?: unknown; readonly Height?: unknown };
    return isCells(Width) && isCells(Height) ? { width: Width, height: Height } : undefined;
  } catch {
    return undefined;
  }
}

function isCells(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 65_535;
}
