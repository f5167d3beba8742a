// How Kubernetes calls and orders the fields of its internal structs. Most have the order and, but for capitals, the names
// that clients see; this table has the others. Errors about whole structs show them so.

/** Names that are not just the client's with a capital. */
const goNames: Readonly<Record<string, string>> = {
  cel: "CEL",
  cephfs: "CephFS",
  chapAuthDiscovery: "DiscoveryCHAPAuth",
  chapAuthSession: "SessionCHAPAuth",
  csi: "CSI",
  diskURI: "DataDiskURI",
  endpoints: "EndpointsName",
  fc: "FC",
  grpc: "GRPC",
  iqn: "IQN",
  nfs: "NFS",
  os: "OS",
  rbd: "RBD",
  storageos: "StorageOS",
  tty: "TTY",
  uid: "UID",
  url: "URL",
  wwids: "WWIDs",
};

/** Beginnings that Go writes in capitals. */
const capitals = /^(?:api|aws|dns|fs|gce|gmsa|http|ip|iscsi|pd(?=N)|se(?=Linux)|ssl|tcp)(?=[A-Z]|$)/;

const ownNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  RBDVolumeSource: { monitors: "CephMonitors", image: "RBDImage", pool: "RBDPool", user: "RadosUser" },
  RBDPersistentVolumeSource: { monitors: "CephMonitors", image: "RBDImage", pool: "RBDPool", user: "RadosUser" },
};

/** @param type the last part of the schema's name for it: `RoleRef` */
export function goName(type: string, field: string): string {
  const own = ownNames[type]?.[field] ?? goNames[field];
  if (own !== undefined) return own;
  const head = capitals.exec(field)?.[0] ?? field.charAt(0);
  return head.toUpperCase() + field.slice(head.length);
}

/** Of the node's, what a pod shares: clients set it in the spec, Kubernetes keeps it with the security context. */
export const hostFields = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] as const;

const volumeSources =
  "hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs persistentVolumeClaim rbd " +
  "quobyte flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume azureDisk photonPersistentDisk " +
  "projected portworxVolume scaleIO storageos csi ephemeral image";
const podSpec =
  "volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds " +
  "dnsPolicy nodeSelector serviceAccountName automountServiceAccountToken nodeName securityContext imagePullSecrets hostname " +
  "subdomain setHostnameAsFQDN affinity schedulerName tolerations hostAliases priorityClassName priority preemptionPolicy " +
  "dnsConfig readinessGates runtimeClassName overhead enableServiceLinks topologySpreadConstraints os schedulingGates " +
  "resourceClaims resources hostnameOverride schedulingGroup";
const podSecurityContext =
  "seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy fsGroup " +
  "fsGroupChangePolicy sysctls seccompProfile appArmorProfile seLinuxChangePolicy";

/** The sources of a persistent volume, in Kubernetes' order. */
export const persistentVolumeSourceOrder: readonly string[] = (
  "gcePersistentDisk awsElasticBlockStore hostPath glusterfs nfs rbd quobyte iscsi flexVolume cinder cephfs fc flocker " +
  "azureFile vsphereVolume azureDisk photonPersistentDisk portworxVolume scaleIO local storageos csi"
).split(" ");

const orders: Readonly<Record<string, readonly string[]>> = {
  PodSpec: podSpec.split(" "),
  PodSecurityContext: [...hostFields, ...podSecurityContext.split(" ")],
  Volume: ["name", ...volumeSources.split(" ")],
};

/** The client's names of a struct's fields in Go's order; `undefined` where that is the schema's. */
export function goOrder(type: string): readonly string[] | undefined {
  return orders[type];
}
