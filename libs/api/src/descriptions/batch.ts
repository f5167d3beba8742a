// Job: pods that run to an end.
import { conditionTexts, type DescriptionTable } from "./description-table.ts";

export const batch: DescriptionTable = {
  prefix: "io.k8s.api.batch.v1.",
  types: {
    Job: {
      "": "Runs pods until enough of them have ended successfully.",
      spec: "Which pods, how many, and what failures mean.",
      status: "How far the job has come.",
    },
    JobSpec: {
      "": "Which pods a job runs, how many, and what failures mean.",
      parallelism: "How many pods may run at a time; 1 unless set.",
      completions: "How many pods must succeed; if absent, one success ends the job once all pods are done.",
      activeDeadlineSeconds: "Seconds after its start at which the job is stopped and counts as failed.",
      podFailurePolicy:
        "What failures of pods mean, by exit code and condition; otherwise each counts toward backoffLimit.",
      successPolicy: "When an Indexed job counts as done although not all pods have succeeded.",
      backoffLimit: "How many failures are made up for by new pods before the job fails; 6 unless set.",
      backoffLimitPerIndex: "How many failures of one index are made up for before the index fails.",
      maxFailedIndexes: "How many indexes may fail before the whole job does; needs backoffLimitPerIndex.",
      selector: "Chooses the pods of the job; made by the server, so leave it out.",
      manualSelector: "With true, selector is your own, and it is up to you that it chooses no other pods.",
      template: "What the pods look like; their restartPolicy must be Never or OnFailure.",
      ttlSecondsAfterFinished: "Seconds after which an ended job is deleted; never unless set.",
      completionMode: "NonIndexed (default), or Indexed to give each pod a number from 0 on.",
      suspend: "With true, no pods run: those there are deleted, and new ones wait until it is false.",
      podReplacementPolicy:
        "When a pod is replaced: TerminatingOrFailed as soon as it is stopping, Failed once it has ended.",
      managedBy: "The controller in charge, in place of kubernetes.io/job-controller; fixed at creation.",
    },
    PodFailurePolicy: {
      "": "What failures of pods mean.",
      rules: "Tried in order; the first that applies decides.",
    },
    PodFailurePolicyRule: {
      "": "What a certain failure of a pod means; either exit codes or conditions choose it.",
      action: "FailJob, FailIndex, Ignore to replace the pod without counting it, or Count as usual.",
      onExitCodes: "Exit codes to which the rule applies.",
      onPodConditions: "Conditions of the pod, one of which is enough for the rule to apply.",
    },
    PodFailurePolicyOnExitCodesRequirement: {
      "": "A set of exit codes other than 0.",
      containerName: "The container that is looked at; all of them unless set.",
      operator: "In for the codes listed, NotIn for all others.",
      values: "The codes; 0 is not allowed with In.",
    },
    PodFailurePolicyOnPodConditionsPattern: {
      "": "A condition of a pod.",
      type: "Type of the condition, such as DisruptionTarget.",
      status: "Its status; True unless set.",
    },
    SuccessPolicy: {
      "": "When an Indexed job counts as done.",
      rules: "Tried in order; one that is met is enough, and pods still running are stopped.",
    },
    SuccessPolicyRule: {
      "": "Which, or how many, indexes must have succeeded; one of the two has to be set.",
      succeededIndexes: "The indexes that count, as 1,3-5; all of them unless set.",
      succeededCount: "How many of them must have succeeded; all of them unless set.",
    },
    JobStatus: {
      "": "How far a job has come.",
      conditions: "Whether the job is Complete, Failed or Suspended.",
      startTime: "When the controller first took it on; set anew when it is resumed.",
      completionTime: "When it ended successfully.",
      active: "How many pods are pending or running.",
      succeeded: "How many pods ended successfully.",
      failed: "How many pods failed.",
      terminating: "How many pods are on their way out.",
      completedIndexes: "Indexes that succeeded, as 1,3-5.",
      failedIndexes: "Indexes that failed, as 1,3-5; needs backoffLimitPerIndex.",
      uncountedTerminatedPods: "Ended pods that are still to be counted; for the controller itself.",
      ready: "How many of the active pods are ready.",
    },
    JobCondition: {
      ...conditionTexts,
      "": "One thing about a job, such as Complete or Failed.",
      lastProbeTime: "When the condition was last checked.",
    },
    UncountedTerminatedPods: {
      "": "UIDs of ended pods that are not in the counts yet.",
      succeeded: "Those that succeeded.",
      failed: "Those that failed.",
    },
  },
};
