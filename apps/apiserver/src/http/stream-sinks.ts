// The two ways a stream leaves: chunks of an HTTP answer, or messages of a WebSocket.
import type { ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import type { StreamSink } from "./answer.ts";

/** Bytes a WebSocket may hold for a slow client before the source is asked to wait. */
const webSocketBufferBytesMax = 1024 * 1024;
/** How often a full WebSocket buffer is looked at; `ws` tells of each write, not of a drained socket. */
const webSocketDrainCheckMs = 20;

/** A sink over an answer whose head is written. The signal is aborted when the client goes. */
export function responseSink(response: ServerResponse, signal: AbortSignal): StreamSink {
  // A client that goes in the middle of a write is no failure of ours; the signal tells the source.
  response.on("error", () => response.destroy());
  return {
    signal,
    write: (chunk) => response.writableEnded || response.destroyed || response.write(chunk),
    onDrained: (handler) => void response.on("drain", handler),
    end: () => void response.end(),
    abort: () => void response.destroy(),
  };
}

/** One message per chunk: text, as Kubernetes' watches over WebSocket are. */
export function webSocketSink(socket: WebSocket, signal: AbortSignal): StreamSink {
  let drained: (() => void) | undefined;
  let check: NodeJS.Timeout | undefined;
  const stopChecking = (): void => {
    clearInterval(check);
    check = undefined;
  };
  const waitForRoom = (): void => {
    check ??= setInterval(() => {
      if (socket.bufferedAmount >= webSocketBufferBytesMax) return;
      stopChecking();
      drained?.();
    }, webSocketDrainCheckMs);
  };
  socket.on("close", stopChecking);
  return {
    signal,
    write: (chunk) => {
      if (socket.readyState !== socket.OPEN) return true;
      socket.send(chunk, { binary: false });
      if (socket.bufferedAmount < webSocketBufferBytesMax) return true;
      waitForRoom();
      return false;
    },
    onDrained: (handler) => {
      drained = handler;
    },
    end: () => socket.close(1000),
    abort: () => socket.terminate(),
  };
}
