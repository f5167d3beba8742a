export { createInformer } from "./informer.ts";
export type { InformerOptions } from "./informer.ts";
export { Indexer, objectKey, splitKey } from "./indexer.ts";
export type { IndexFunction } from "./indexer.ts";
export { namespaceIndex } from "./types.ts";
export type * from "./types.ts";
export { createWorkQueue, runWorkers } from "./workqueue.ts";
