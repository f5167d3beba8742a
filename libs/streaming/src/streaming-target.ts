// What a kubelet's streams end at: something that runs commands in containers and reaches ports of pods.
import type { Duplex, Readable, Writable } from "node:stream";

export interface CommandRequest {
  /** `attach`: the container's own process; `command` is empty. */
  readonly kind: "exec" | "attach";
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Never together with `tty`: a terminal has one output. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Undefined: the client did not ask for it. */
export interface CommandStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** One handler; sizes that came before are given to it at once. */
  readonly onResize: (handler: (size: TerminalSize) => void) => void;
  /** Aborted when the client is gone. Then the command has nobody left and should end. */
  readonly signal: AbortSignal;
}

export interface PortRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

export interface StreamingTarget {
  /** Asked before the client is told that streaming begins. @throws StreamRefused */
  checkCommand(request: CommandRequest): Promise<void>;
  /** @throws StreamRefused */
  checkPod(request: Omit<PortRequest, "port">): Promise<void>;
  /** Resolves when the command has ended and all of its output was written; it does not end the streams. */
  run(request: CommandRequest, streams: CommandStreams): Promise<{ readonly exitCode: number }>;
  /** A connection to a port of a pod. @throws Error that the client is shown */
  connect(request: PortRequest, signal: AbortSignal): Promise<Duplex>;
}

/** Streaming can't begin; the client gets an ordinary HTTP answer. */
export class StreamRefused extends Error {
  override readonly name = "StreamRefused";
  readonly statusCode: number;
  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}
