// What every cluster has from the start: namespaces, priority classes, flow control, the registration of its own APIs, the
// service range and the API's own service.
// Every master does this when it starts; what is there is left as it is.
import {
  deepEqual,
  findResource,
  type JsonObject,
  type MutableObject,
  objectAt,
  type ResourceInfo,
  StatusError,
  textAt,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import type { UserInfo } from "@triarch/auth";
import { createObject } from "../registry/create.ts";
import type { Registry } from "../registry/registry.ts";
import { type ResourceStore, StorageError } from "../storage/index.ts";
import { builtInApiServices } from "./api-services.ts";
import { flowControlManager, flowSchemas, priorityLevels } from "./flow-control.ts";

export interface BootstrapOptions {
  readonly serviceCidr: string;
  /** Address of the `kubernetes` service: the first of the range. */
  readonly serviceAddress: string;
  /** Port behind the service. */
  readonly targetPort: number;
}

export const serverUser: UserInfo = { name: "system:apiserver", uid: "", groups: ["system:masters"] };
const flowControl = "flowcontrol.apiserver.k8s.io";
const namespaces = ["kube-system", "kube-public", "kube-node-lease", "default"];
const priorityClasses = [
  {
    name: "system-node-critical",
    value: 2_000_001_000,
    description: "For pods that a node needs: they are never evicted from it.",
  },
  {
    name: "system-cluster-critical",
    value: 2_000_000_000,
    description: "For pods that the cluster needs: they may move, not disappear.",
  },
];

export async function bootstrap(registry: Registry, options: BootstrapOptions): Promise<void> {
  for (const name of namespaces) await ensure(registry, "", "v1", "namespaces", "", { metadata: { name } });
  for (const { name, ...rest } of priorityClasses) {
    await ensure(registry, "scheduling.k8s.io", "v1", "priorityclasses", "", {
      metadata: { name },
      ...rest,
      preemptionPolicy: "PreemptLowerPriority",
    });
  }
  await Promise.all([...ensureFlowControl(registry), ...ensureApiServices(registry)]);
  await ensure(registry, "networking.k8s.io", "v1", "servicecidrs", "", {
    metadata: { name: "kubernetes" },
    spec: { cidrs: [options.serviceCidr] },
  });
  await ensure(registry, "", "v1", "services", "default", kubernetesService(options));
}

/**
 * Creates what is missing. Independent of each other, so their writes can share the store's rounds.
 * @param attempt `tryEnsure`: what fails is the caller's to try again
 */
export function ensureFlowControl(registry: Registry, attempt = ensure): readonly Promise<void>[] {
  const make = (plural: string, object: MutableObject): Promise<void> =>
    attempt(registry, flowControl, "v1", plural, "", object, flowControlManager);
  return [
    ...priorityLevels().map((level) => make("prioritylevelconfigurations", level)),
    ...flowSchemas().map((schema) => make("flowschemas", schema)),
  ];
}

function ensureApiServices(registry: Registry): readonly Promise<void>[] {
  const group = "apiregistration.k8s.io";
  return builtInApiServices().map((service) => ensure(registry, group, "v1", "apiservices", "", service));
}

function kubernetesService({ serviceAddress, targetPort }: BootstrapOptions): MutableObject {
  return {
    metadata: { name: "kubernetes", labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      clusterIP: serviceAddress,
      clusterIPs: [serviceAddress],
      ipFamilyPolicy: "SingleStack",
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort }],
    },
  };
}

/** What pods need in a namespace; made by the controller manager where there is one. @param caPem undefined: no TLS */
export async function furnishNamespace(
  registry: Registry,
  namespace: string,
  caPem: string | undefined,
): Promise<void> {
  const ca = { metadata: { name: "kube-root-ca.crt" }, data: { "ca.crt": caPem ?? "" } };
  await ensure(registry, "", "v1", "configmaps", namespace, ca);
  await ensure(registry, "", "v1", "serviceaccounts", namespace, { metadata: { name: "default" } });
}

/** A master that starts with others, or during an election, tries again for this long. */
const ensureTimeoutMs = 15_000;
const ensureRetryMs = 50;

/**
 * Creates the object unless it is there. Another master may do the same at this moment: it may have the service's
 * address already while its service is still on the way.
 */
async function ensure(...wanted: Parameters<typeof tryEnsure>): Promise<void> {
  const endMs = performance.now() + ensureTimeoutMs;
  for (;;) {
    try {
      return await tryEnsure(...wanted);
    } catch (error) {
      const passing = error instanceof StatusError || error instanceof StorageError;
      if (!passing || performance.now() > endMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, ensureRetryMs));
  }
}

/** Creates the object unless it is there. @throws StatusError | StorageError */
export async function tryEnsure(
  registry: Registry,
  group: string,
  version: string,
  plural: string,
  namespace: string,
  object: MutableObject,
  fieldManager = "kube-apiserver",
): Promise<void> {
  const resource = resourceOf(group, version, plural);
  const meta = object["metadata"] as { readonly name: string };
  if ((await readOrUndefined(registry.store, resource, namespace, meta.name)) !== undefined) return;
  const request = {
    resource,
    namespace,
    user: serverUser,
    subresource: "",
    fieldManager,
    dryRun: false,
    warnings: [],
  };
  try {
    await createObject(registry, {
      ...request,
      object: { kind: resource.kind, apiVersion: versionText(resource), ...object },
    });
  } catch (error) {
    // Another master was first.
    if (error instanceof StatusError && error.status.reason === "AlreadyExists") return;
    throw error;
  }
}

/**
 * Writes the server's own `object` when what is stored differs; uid and time of birth stay what they were.
 * No strategy and no admission: the caller makes whole, valid objects.
 */
export async function putOwn(store: ResourceStore, resource: ResourceInfo, object: JsonObject): Promise<void> {
  const meta = objectAt(object, "metadata") ?? {};
  await store.update(
    resource,
    { namespace: textAt(meta, "namespace"), name: textAt(meta, "name") },
    (current) => {
      const old = current?.object();
      if (old === undefined) return { kind: "put", object };
      const metadata = { ...objectAt(old, "metadata"), labels: meta["labels"] };
      const next = { ...object, metadata };
      return deepEqual(old, next) ? { kind: "none" } : { kind: "put", object: next };
    },
    { createIfAbsent: true },
  );
}

export async function readOrUndefined(
  store: ResourceStore,
  resource: ResourceInfo,
  namespace: string,
  name: string,
): Promise<JsonObject | undefined> {
  try {
    return (await store.get(resource, { namespace, name })).object();
  } catch (error) {
    if (error instanceof StorageError && error.failure.code === "notFound") return undefined;
    throw error;
  }
}

export function resourceOf(group: string, version: string, plural: string): ResourceInfo {
  return assertDefined(findResource(group, version, plural), `${plural} are not served`);
}

function versionText({ group, version }: ResourceInfo): string {
  return group === "" ? version : `${group}/${version}`;
}
