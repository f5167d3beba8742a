export { connectEtcd } from "./client.ts";
export type { EtcdClient, EtcdClientOptions } from "./client.ts";
export { etcdVersion } from "./plain-http.ts";
export { startEtcdGrpc } from "./start.ts";
export type { EtcdGrpc, EtcdGrpcOptions } from "./start.ts";
export { GrpcError, grpcCodes } from "./status.ts";
