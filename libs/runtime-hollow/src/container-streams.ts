// The streams of a command in a container, or of a container's own process, as whoever asked has them.
import type { Readable, Writable } from "node:stream";

/** Undefined: nobody wants it. The runtime ends none of them. */
export interface ContainerStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Of the terminal, in cells; one handler, given the last size at once when there is one. */
  readonly onResize: (handler: (size: { readonly width: number; readonly height: number }) => void) => void;
  /** Aborted when nobody is left at the other end. */
  readonly signal: AbortSignal;
}

export interface CommandEnd {
  readonly exitCode: number;
}
