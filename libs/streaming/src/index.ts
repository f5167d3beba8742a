export { SpdyConnection } from "./spdy/spdy-connection.ts";
export type { SpdyConnectionOptions } from "./spdy/spdy-connection.ts";
export { SpdyError } from "./spdy/spdy-error.ts";
export type { SpdyHeaders } from "./spdy/headers.ts";
export type { SpdyStream } from "./spdy/spdy-stream.ts";
export { createStreamingServer } from "./streaming-server.ts";
export type { StreamingServer, StreamingServerOptions } from "./streaming-server.ts";
export { StreamRefused } from "./streaming-target.ts";
export type { CommandRequest, CommandStreams, PortRequest, StreamingTarget, TerminalSize } from "./streaming-target.ts";
