// Plays the controllers and the kubelet for one server that has neither, for clients that wait for their work: Jobs
// succeed, Deployments get their ReplicaSet and become available, pods that are not restarted succeed. It reacts to
// watches and writes nothing but statuses and ReplicaSets; no pod of a Job or a Deployment is made.
import {
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  Watch,
  type KubernetesObject,
  type V1Deployment,
  type V1Job,
  type V1Pod,
} from "@kubernetes/client-node";

export interface StandIn {
  /** What went wrong so far; a test wants it empty. */
  failures(): readonly Error[];
  close(): Promise<void>;
}

const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

export async function standInControllers(kubeconfig: string): Promise<StandIn> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const watch = new Watch(config);
  const failures: Error[] = [];
  const running = new Set<AbortController>();
  const work = new Set<Promise<void>>();
  let closed = false;

  const follow = async <T extends KubernetesObject>(path: string, act: (object: T) => Promise<void>): Promise<void> => {
    const onEvent = (phase: string, object: T): void => {
      if (phase !== "ADDED" && phase !== "MODIFIED") return;
      const one = act(object)
        .catch((error: unknown) => void failures.push(new Error(`stand-in for ${path}`, { cause: error })))
        .finally(() => work.delete(one));
      work.add(one);
    };
    const started = await watch.watch(path, {}, onEvent, (error: unknown) => {
      if (!closed) failures.push(new Error(`the watch of ${path} ended`, { cause: error }));
    });
    running.add(started);
  };
  await follow<V1Job>("/apis/batch/v1/jobs", (job) => finishJob(config, job));
  await follow<V1Deployment>("/apis/apps/v1/deployments", (one) => rollOut(config, one));
  await follow<V1Pod>("/api/v1/pods", (pod) => finishPod(config, pod));
  return {
    failures: () => failures,
    close: async () => {
      closed = true;
      for (const one of running) one.abort();
      await Promise.all(work);
    },
  };
}

function nameOf({ metadata }: KubernetesObject): { readonly name: string; readonly namespace: string } {
  return { name: metadata?.name ?? "", namespace: metadata?.namespace ?? "" };
}

async function finishJob(config: KubeConfig, job: V1Job): Promise<void> {
  if ((job.status?.conditions ?? []).length > 0 || job.metadata?.deletionTimestamp !== undefined) return;
  const now = new Date().toISOString();
  const condition = (type: string) => ({
    ...{ type, status: "True", reason: "CompletionsReached", message: "Reached expected number of succeeded pods" },
    ...{ lastProbeTime: now, lastTransitionTime: now },
  });
  const status = { succeeded: job.spec?.completions ?? 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} };
  const conditions = [condition("SuccessCriteriaMet"), condition("Complete")];
  const body = { status: { ...status, startTime: now, completionTime: now, conditions } };
  await unlessGone(config.makeApiClient(BatchV1Api).patchNamespacedJobStatus({ ...nameOf(job), body }, merge));
}

async function finishPod(config: KubeConfig, pod: V1Pod): Promise<void> {
  if (pod.spec?.restartPolicy !== "Never" || pod.status?.phase === "Succeeded") return;
  const body = { status: { phase: "Succeeded" } };
  await unlessGone(config.makeApiClient(CoreV1Api).patchNamespacedPodStatus({ ...nameOf(pod), body }, merge));
}

const revisionAnnotation = "deployment.kubernetes.io/revision";

async function rollOut(config: KubeConfig, deployment: V1Deployment): Promise<void> {
  const { generation = 0, deletionTimestamp } = deployment.metadata ?? {};
  if (deployment.status?.observedGeneration === generation || deletionTimestamp !== undefined) return;
  const apps = config.makeApiClient(AppsV1Api);
  const { name, namespace } = nameOf(deployment);
  const replicas = deployment.spec?.replicas ?? 0;
  await makeReplicaSet(apps, deployment, generation);
  const now = new Date().toISOString();
  const condition = (type: string, reason: string) => ({
    ...{ type, status: "True", reason, message: reason, lastTransitionTime: now, lastUpdateTime: now },
  });
  const conditions = [
    condition("Progressing", "NewReplicaSetAvailable"),
    condition("Available", "MinimumReplicasAvailable"),
  ];
  const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  const body = { status: { observedGeneration: generation, ...counts, conditions } };
  await unlessGone(apps.patchNamespacedDeploymentStatus({ name, namespace, body }, merge));
}

/** One for each template, numbered by the generation that brought it. */
async function makeReplicaSet(apps: AppsV1Api, deployment: V1Deployment, generation: number): Promise<void> {
  const { name, namespace } = nameOf(deployment);
  const { template, replicas = 0 } = deployment.spec ?? {};
  const labels = { ...template?.metadata?.labels, "pod-template-hash": `g${generation}` };
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name, uid: deployment.metadata?.uid ?? "" };
  const setName = `${name}-g${generation}`;
  const sets = await apps.listNamespacedReplicaSet({ namespace });
  const ofDeployment = sets.items.filter((one) => one.metadata?.ownerReferences?.[0]?.uid === owner.uid);
  const sameTemplate = ofDeployment.some(
    (one) => JSON.stringify(one.spec?.template?.spec) === JSON.stringify(template?.spec),
  );
  if (sameTemplate || template === undefined) return;
  const body = {
    metadata: {
      ...{ name: setName, labels, annotations: { [revisionAnnotation]: String(generation) } },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: { replicas, selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } },
  };
  await apps.createNamespacedReplicaSet({ namespace, body });
  const counts = { replicas, readyReplicas: replicas, availableReplicas: replicas, observedGeneration: 1 };
  await apps.patchNamespacedReplicaSetStatus({ name: setName, namespace, body: { status: counts } }, merge);
}

/** An object may go while its status is on the way. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if ((error as { readonly code?: unknown }).code !== 404) throw error;
  });
}
