// Every controller of the manager. Their order means nothing.
import type { ControllerFactory } from "./controller.ts";
import { deploymentController } from "./controllers/deployment.ts";
import { endpointSliceMirroringController } from "./controllers/endpoint-slice-mirroring.ts";
import { endpointSliceController } from "./controllers/endpoint-slices.ts";
import { endpointsController } from "./controllers/endpoints.ts";
import { garbageCollector } from "./controllers/garbage-collector.ts";
import { namespaceController } from "./controllers/namespace.ts";
import { nodeIpamController } from "./controllers/node-ipam.ts";
import { nodeLifecycleController } from "./controllers/node-lifecycle.ts";
import { podGarbageCollector } from "./controllers/pod-garbage-collector.ts";
import { replicaSetController } from "./controllers/replica-set.ts";
import { rootCaController } from "./controllers/root-ca.ts";
import { serviceAccountController } from "./controllers/service-account.ts";
import { taintEvictionController } from "./controllers/taint-eviction.ts";

export const controllers: readonly ControllerFactory[] = [
  deploymentController,
  replicaSetController,
  endpointSliceController,
  endpointSliceMirroringController,
  nodeIpamController,
  endpointsController,
  namespaceController,
  serviceAccountController,
  rootCaController,
  garbageCollector,
  nodeLifecycleController,
  taintEvictionController,
  podGarbageCollector,
];
