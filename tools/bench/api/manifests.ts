// What is created: a ConfigMap of 1 kB, and a pod as a Deployment of an ordinary web application makes it.
import { numberMark } from "./protocol.ts";

export const configMap = (name: string, bytes: number): string =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value: "x".repeat(bytes) } });

export interface PodShape {
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: two, one that comes first, and what they share: 2.6 kB. With one a pod is served as 5 kB. */
  readonly containers?: "one";
}

/** No scheduler minds it: what is measured is the API. */
export function podManifest({ labels = {}, containers }: PodShape = {}): string {
  const run =
    containers === "one"
      ? { containers: [plainContainer], volumes }
      : { containers: [webContainer, sidecar], initContainers: [migration], volumes, ...spread };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `web-7d4b9c6f5-${numberMark}`,
      generateName: "web-7d4b9c6f5-",
      labels: { app: "web", "app.kubernetes.io/name": "web", "pod-template-hash": "7d4b9c6f5", ...labels },
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "9090" },
    },
    spec: {
      schedulerName: "bench",
      ...{ restartPolicy: "Always", terminationGracePeriodSeconds: 45, priority: 0 },
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, fsGroup: 10_001 },
      ...run,
      tolerations: ["not-ready", "unreachable"].map((what) => ({
        ...{ key: `node.kubernetes.io/${what}`, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      })),
    },
  });
}

const resources = { requests: { cpu: "250m", memory: "256Mi" }, limits: { cpu: "1", memory: "512Mi" } };

const probe = (path: string): object => ({
  ...{ httpGet: { path, port: "http" }, initialDelaySeconds: 5, periodSeconds: 10, failureThreshold: 3 },
});

const webContainer = {
  ...{ name: "web", image: "registry.example/shop/web:1.42.0", imagePullPolicy: "IfNotPresent", resources },
  ports: [
    { name: "http", containerPort: 8080 },
    { name: "metrics", containerPort: 9090 },
  ],
  env: [
    { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: "web-database", key: "url" } } },
    { name: "LOG_LEVEL", value: "info" },
    { name: "FEATURE_FLAGS", value: "checkout-v2,recommendations,fast-search" },
  ],
  envFrom: [{ configMapRef: { name: "web-settings" } }],
  ...{ livenessProbe: probe("/livez"), readinessProbe: probe("/readyz"), startupProbe: probe("/startupz") },
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  volumeMounts: [
    { name: "config", mountPath: "/etc/web", readOnly: true },
    { name: "cache", mountPath: "/var/cache/web" },
  ],
};

const { startupProbe: _probe, envFrom: _envFrom, ...plainContainer } = webContainer;

const sidecar = {
  ...{ name: "log-shipper", image: "registry.example/logging/shipper:3.9", args: ["--input=/var/cache/web/log"] },
  resources: { requests: { cpu: "20m", memory: "32Mi" } },
  volumeMounts: [{ name: "cache", mountPath: "/var/cache/web" }],
};

const migration = {
  ...{ name: "wait-for-database", image: "registry.example/shop/web:1.42.0", command: ["/bin/web", "wait"] },
  env: [{ name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: "web-database", key: "url" } } }],
};

const spread = {
  topologySpreadConstraints: [
    {
      ...{ maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
      labelSelector: { matchLabels: { app: "web" } },
    },
  ],
};

const volumes = [
  { name: "config", configMap: { name: "web-config", defaultMode: 292 } },
  { name: "cache", emptyDir: { sizeLimit: "1Gi" } },
];
