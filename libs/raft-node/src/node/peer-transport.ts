import type { Transport, TransportHandlers, TransportOptions } from "../transport/transport.ts";

/**
 * What the driver needs of the way to its peers; `Transport` is the real one. Messages may be lost, late and out of
 * order. One with proposals (MsgProp) is delivered at most once: its entries would be appended twice.
 */
export type PeerTransport = Pick<Transport, keyof Transport>;

export type CreatePeerTransport = (options: TransportOptions, handlers: TransportHandlers) => PeerTransport;
