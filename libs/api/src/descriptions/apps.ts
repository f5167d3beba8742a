// Controllers that keep pods running.
import { conditionTexts, type DescriptionTable, type TypeTexts } from "./description-table.ts";

const selector = "Chooses the pods that belong to it; must match the labels of the template, and is fixed at creation.";
const minReadySeconds = "Seconds that a new pod must be ready before it counts as available; 0 unless set.";
const revisionHistoryLimit = "How many old revisions are kept to go back to; 10 unless set.";
const observedGeneration = "The metadata.generation that the controller has taken into account.";
const collisionCount = "How often a name for a new revision was taken already; the controller makes names with it.";
const rollingUpdate = "Settings for type RollingUpdate.";

const replicaTexts: TypeTexts = {
  replicas: "How many pods there are.",
  readyReplicas: "How many of the pods are ready.",
  availableReplicas: "How many of the pods have been ready for at least minReadySeconds.",
};

export const apps: DescriptionTable = {
  prefix: "io.k8s.api.apps.v1.",
  types: {
    Deployment: {
      "": "Keeps a number of equal pods running, and replaces them step by step when the template changes.",
      spec: "Which pods, how many, and how they are replaced.",
      status: "How far the controller has come.",
    },
    DeploymentSpec: {
      "": "Which pods a Deployment runs, how many, and how they are replaced.",
      replicas: "How many pods to run; 1 unless set.",
      selector,
      template: "What the pods look like; their restartPolicy must be Always.",
      strategy: "How old pods are replaced by new ones.",
      minReadySeconds,
      revisionHistoryLimit,
      paused: "Holds back the replacement of pods until it is set to false.",
      progressDeadlineSeconds:
        "Seconds without progress after which a replacement is reported as stuck; 600 unless set.",
    },
    DeploymentStrategy: {
      "": "How the pods of a Deployment are replaced.",
      type: "RollingUpdate (default) step by step, or Recreate to stop all old pods first.",
      rollingUpdate,
    },
    RollingUpdateDeployment: {
      "": "The size of the steps in which pods are replaced; not both may be zero.",
      maxUnavailable: "How many pods may be missing meanwhile, as number or percentage; 25% unless set.",
      maxSurge: "How many pods there may be too many meanwhile, as number or percentage; 25% unless set.",
    },
    DeploymentStatus: {
      ...replicaTexts,
      "": "How far a Deployment has come.",
      observedGeneration,
      updatedReplicas: "How many of the pods were made from the present template.",
      unavailableReplicas: "How many pods are still to become available.",
      terminatingReplicas: "How many pods are on their way out; they are not counted elsewhere.",
      conditions: "Whether it is available and making progress.",
      collisionCount,
    },
    DeploymentCondition: {
      ...conditionTexts,
      "": "One thing about a Deployment: Available, Progressing or ReplicaFailure.",
      lastUpdateTime: "When the condition was last written.",
    },
    StatefulSet: {
      "": "Runs numbered pods, each with a name and storage that outlive it.",
      spec: "Which pods, how many, and what storage they get.",
      status: "How far the controller has come; may be a moment behind.",
    },
    StatefulSetSpec: {
      "": "Which pods a StatefulSet runs, how many, and what storage they get.",
      replicas: "How many pods to run; 1 unless set.",
      selector,
      template: "What the pods look like; each is called after the set and its number.",
      volumeClaimTemplates:
        "Claims that each pod gets for itself; they win over volumes of the same name in the template.",
      serviceName: "The headless service that gives the pods their DNS names.",
      podManagementPolicy: "OrderedReady (default) to start and stop pods one by one, or Parallel for all at once.",
      updateStrategy: "How pods are replaced when the template changes.",
      revisionHistoryLimit,
      minReadySeconds,
      persistentVolumeClaimRetentionPolicy:
        "What becomes of claims that are not needed any more; they are kept by default.",
      ordinals: "How pods are numbered; from 0 unless set.",
    },
    StatefulSetUpdateStrategy: {
      "": "How the pods of a StatefulSet are replaced.",
      type: "RollingUpdate (default) from the highest number down, or OnDelete once someone deletes them.",
      rollingUpdate,
    },
    RollingUpdateStatefulSetStrategy: {
      "": "Which pods are replaced, and how many at a time.",
      partition: "Pods with a lower number are left alone; 0 unless set.",
      maxUnavailable: "How many pods may be missing meanwhile, as number or percentage; 1 unless set.",
    },
    StatefulSetOrdinals: {
      "": "How pods are numbered.",
      start: "Number of the first pod; the others follow it.",
    },
    StatefulSetPersistentVolumeClaimRetentionPolicy: {
      "": "What becomes of the claims of pods that are gone.",
      whenDeleted: "When the set is deleted: Retain (default) keeps the claims, Delete deletes them.",
      whenScaled: "When the set has fewer pods: Retain (default) keeps the claims, Delete deletes them.",
    },
    StatefulSetStatus: {
      ...replicaTexts,
      "": "How far a StatefulSet has come.",
      observedGeneration,
      currentReplicas: "How many of the pods are of the revision currentRevision.",
      updatedReplicas: "How many of the pods are of the revision updateRevision.",
      currentRevision: "The revision that pods not yet replaced have.",
      updateRevision: "The revision that pods are being replaced with.",
      collisionCount,
      conditions: "Observations about the set.",
    },
    StatefulSetCondition: { ...conditionTexts, "": "One thing about a StatefulSet." },
    DaemonSet: {
      "": "Runs one pod on every node, or on those that its template allows.",
      spec: "Which pods, and how they are replaced.",
      status: "How far the controller has come; may be a moment behind.",
    },
    DaemonSetSpec: {
      "": "Which pods a DaemonSet runs, and how they are replaced.",
      selector,
      template: "What the pods look like; nodeSelector and affinity in it choose the nodes.",
      updateStrategy: "How pods are replaced when the template changes.",
      minReadySeconds,
      revisionHistoryLimit,
    },
    DaemonSetUpdateStrategy: {
      "": "How the pods of a DaemonSet are replaced.",
      type: "RollingUpdate (default) node by node, or OnDelete once someone deletes them.",
      rollingUpdate,
    },
    RollingUpdateDaemonSet: {
      "": "How many nodes are dealt with at a time; not both may be zero.",
      maxUnavailable: "How many nodes may be without the pod meanwhile, as number or percentage; 1 unless set.",
      maxSurge: "How many nodes may have the old and the new pod meanwhile, as number or percentage; 0 unless set.",
    },
    DaemonSetStatus: {
      "": "How far a DaemonSet has come, in numbers of nodes.",
      currentNumberScheduled: "Nodes that have the pod and should have it.",
      numberMisscheduled: "Nodes that have the pod although they should not.",
      desiredNumberScheduled: "Nodes that should have the pod.",
      numberReady: "Nodes whose pod is ready.",
      observedGeneration,
      updatedNumberScheduled: "Nodes whose pod was made from the present template.",
      numberAvailable: "Nodes whose pod has been ready for at least minReadySeconds.",
      numberUnavailable: "Nodes that should have an available pod and do not.",
      collisionCount,
      conditions: "Observations about the set.",
    },
    DaemonSetCondition: { ...conditionTexts, "": "One thing about a DaemonSet." },
  },
};
