// Every pod runs as a service account, and unless it says otherwise it finds a token of that account, the cluster's CA
// and its namespace under `/var/run/secrets/kubernetes.io/serviceaccount`.
import {
  childOf,
  deepCopyValue,
  findResource,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  type MutableValue,
  objectAt,
  randomSuffix,
  textAt,
} from "@triarch/api";
import { assertDefined, type Rng } from "@triarch/base";
import { readFresh } from "../identity/bound-objects.ts";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, type CreateAdmission, isCore, refused } from "./admission.ts";

export interface ServiceAccountsOptions {
  readonly store: ResourceStore;
  readonly rng: Rng;
  /** Makes a namespace's default account; undefined: the controller manager does, and is waited for. */
  readonly makeDefault: ((namespace: string) => Promise<void>) | undefined;
}

const defaultAccount = "default";
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
const mirrorAnnotation = "kubernetes.io/config.mirror";
/** A namespace that was just made gets its default account within a moment: looked for so often, so far apart. */
const defaultLookupsMax = 10;
const defaultLookupWaitMs = 150;

export function serviceAccounts(options: ServiceAccountsOptions): AdmissionPlugin {
  return {
    name: "ServiceAccount",
    admitCreate: async (request) => {
      if (!isCore(request, "pods")) return;
      if (isMirror(request.object)) return checkMirror(request);
      const spec = childOf(request.object, "spec");
      if (textAt(spec, "serviceAccountName") === "") spec["serviceAccountName"] = defaultAccount;
      spec["serviceAccount"] = spec["serviceAccountName"];
      const account = await accountOf(options, request, textAt(spec, "serviceAccountName"));
      if (mountsToken(spec, account)) mountToken(spec, options.rng);
      if (listAt(spec, "imagePullSecrets").length === 0) takePullSecrets(spec, account);
    },
  };
}

/** @throws StatusError 403 */
async function accountOf(
  { store, makeDefault }: ServiceAccountsOptions,
  request: CreateAdmission,
  name: string,
): Promise<JsonObject> {
  const accounts = assertDefined(findResource("", "v1", "serviceaccounts"), "service accounts are not served");
  const { namespace } = request;
  for (let lookup = 1; ; lookup++) {
    const found = await readFresh(store, accounts, namespace, name);
    if (found !== undefined) return found;
    if (name !== defaultAccount || lookup >= defaultLookupsMax) break;
    if (makeDefault !== undefined) await makeDefault(namespace);
    else await new Promise((resolve) => setTimeout(resolve, defaultLookupWaitMs));
  }
  const why = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
  throw refused(request, request.object, why);
}

function mountsToken(spec: JsonObject, account: JsonObject): boolean {
  const said = spec["automountServiceAccountToken"] ?? account["automountServiceAccountToken"];
  return said !== false;
}

/** Each container that mounts nothing there itself gets the volume; a volume of that name that came along is used. */
function mountToken(spec: MutableObject, rng: Rng): void {
  const volumes = listAt(spec, "volumes").filter(isObject);
  const given = volumes.find((volume) => textAt(volume, "name").startsWith(volumePrefix));
  const names = new Set(volumes.map((volume) => textAt(volume, "name")));
  const volumeName = given === undefined ? freeName(names, rng) : textAt(given, "name");
  let isNeeded = false;
  for (const list of ["initContainers", "containers"]) {
    for (const container of listAt(spec, list).filter(isObject) as MutableObject[]) {
      const mounts = listAt(container, "volumeMounts");
      if (mounts.some((mount) => isObject(mount) && textAt(mount, "mountPath") === mountPath)) continue;
      const added = { name: volumeName, readOnly: true, mountPath };
      container["volumeMounts"] = [...(mounts as MutableValue[]), added];
      isNeeded = true;
    }
  }
  if (!isNeeded || given !== undefined) return;
  spec["volumes"] = [...(listAt(spec, "volumes") as MutableValue[]), { name: volumeName, projected: tokenVolume() }];
}

function freeName(taken: ReadonlySet<string>, rng: Rng): string {
  for (;;) {
    const name = volumePrefix + randomSuffix(rng);
    if (!taken.has(name)) return name;
  }
}

/** A little over an hour: kubelets know by the odd number that programs may keep the first token they read. */
function tokenVolume(): MutableObject {
  return {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3_607, path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      {
        downwardAPI: {
          items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
        },
      },
    ],
  };
}

function takePullSecrets(spec: MutableObject, account: JsonObject): void {
  const secrets = listAt(account, "imagePullSecrets");
  if (secrets.length > 0) spec["imagePullSecrets"] = secrets.map(deepCopyValue);
}

function isMirror(pod: JsonObject): boolean {
  return textAt(objectAt(objectAt(pod, "metadata") ?? {}, "annotations"), mirrorAnnotation) !== "";
}

/** A kubelet's own static pods run whatever the API says: they may not lean on its objects. */
function checkMirror(request: CreateAdmission): void {
  const spec = objectAt(request.object, "spec") ?? {};
  if (textAt(spec, "serviceAccountName") !== "")
    throw refused(request, request.object, "a mirror pod may not reference service accounts");
  for (const volume of listAt(spec, "volumes").filter(isObject)) {
    if (volume["secret"] !== undefined)
      throw refused(request, request.object, "a mirror pod may not reference secrets");
    const sources = listAt(objectAt(volume, "projected") ?? {}, "sources").filter(isObject);
    if (sources.some((source) => source["serviceAccountToken"] !== undefined)) {
      throw refused(request, request.object, "a mirror pod may not use service account token volumes");
    }
  }
}
