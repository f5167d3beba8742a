export { connectEtcd } from "./client.ts";
export type { EtcdClient, EtcdClientOptions } from "./client.ts";
export { encodeFrame, FrameDecoder } from "./frames.ts";
export { etcdVersion } from "./plain-http.ts";
export { startEtcdGrpc } from "./start.ts";
export type { EtcdGrpc, EtcdGrpcOptions } from "./start.ts";
export { decodeGrpcMessage, GrpcError, grpcCodes } from "./status.ts";
export { startWaitingPort } from "./waiting-port.ts";
export type { WaitingPortOptions } from "./waiting-port.ts";
