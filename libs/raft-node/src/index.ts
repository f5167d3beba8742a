export { startRaftNode } from "./start.ts";
export { RaftNodeError } from "./types.ts";
export type * from "./types.ts";
export type { CreatePeerTransport, PeerTransport } from "./node/peer-transport.ts";
export type { TransportHandlers, TransportOptions } from "./transport/transport.ts";
export type { ReceivedSnapshot } from "./transport/snapshot-spool.ts";
export { decodeMessages, encodeMessages } from "./transport/wire.ts";
export { defaultLimits, defaultTiming } from "./limits.ts";
