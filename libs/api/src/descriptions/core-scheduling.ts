// What decides where a pod may run.
import type { DescriptionTable } from "./description-table.ts";

export const coreScheduling: DescriptionTable = {
  prefix: "io.k8s.api.core.v1.",
  types: {
    Affinity: {
      "": "Rules about the nodes and the neighbours of a pod.",
      nodeAffinity: "Which nodes the pod must or should run on.",
      podAffinity: "Which pods it must or should be near.",
      podAntiAffinity: "Which pods it must or should be away from.",
    },
    NodeAffinity: {
      "": "Rules about nodes.",
      requiredDuringSchedulingIgnoredDuringExecution:
        "What a node must have; a pod already running stays when that changes.",
      preferredDuringSchedulingIgnoredDuringExecution:
        "What speaks for a node; the one with the highest sum of weights wins.",
    },
    NodeSelector: {
      "": "A choice of nodes.",
      nodeSelectorTerms: "Alternatives, one of which is enough.",
    },
    NodeSelectorTerm: {
      "": "A set of requirements that must all hold; an empty one chooses no node.",
      matchExpressions: "Requirements on the labels of the node.",
      matchFields: "Requirements on fields of the node; metadata.name is the only one.",
    },
    NodeSelectorRequirement: {
      "": "A requirement on one label or field of a node.",
      key: "The label or field.",
      operator: "How key and values relate: In, NotIn, Exists, DoesNotExist, Gt or Lt.",
      values: "The values: none for Exists and DoesNotExist, one number for Gt and Lt, at least one for In and NotIn.",
    },
    PreferredSchedulingTerm: {
      "": "Something that speaks for a node.",
      weight: "How much it counts, 1 to 100.",
      preference: "What the node should have.",
    },
    PodAffinity: {
      "": "Rules about pods to be near.",
      requiredDuringSchedulingIgnoredDuringExecution:
        "Pods that must be near when the pod is placed; all of the rules must hold.",
      preferredDuringSchedulingIgnoredDuringExecution:
        "Pods that should be near; the node with the highest sum of weights wins.",
    },
    PodAntiAffinity: {
      "": "Rules about pods to be away from.",
      requiredDuringSchedulingIgnoredDuringExecution:
        "Pods that must not be near when the pod is placed; all of the rules must hold.",
      preferredDuringSchedulingIgnoredDuringExecution:
        "Pods that should not be near; their weights count against a node.",
    },
    PodAffinityTerm: {
      "": "A group of pods, and what being near to them means.",
      labelSelector: "Chooses the pods; none if absent.",
      namespaces:
        "Names of the namespaces in which pods are looked for; the pod's own if namespaceSelector is absent too.",
      topologyKey: "Nodes with the same value of this label count as one place.",
      namespaceSelector: "Chooses namespaces on top of those listed; an empty selector means all of them.",
      matchLabelKeys: "Labels whose values must be the same as the pod's own.",
      mismatchLabelKeys: "Labels whose values must differ from the pod's own.",
    },
    WeightedPodAffinityTerm: {
      "": "A group of pods to be near or away from, if possible.",
      weight: "How much it counts, 1 to 100.",
      podAffinityTerm: "The group and the place.",
    },
    Taint: {
      "": "A mark on a node that keeps pods away which do not tolerate it.",
      key: "Name of the mark.",
      value: "Its value.",
      effect: "What it does: NoSchedule, PreferNoSchedule, or NoExecute, which also drives out running pods.",
      timeAdded: "When the mark was added.",
    },
    Toleration: {
      "": "Lets a pod run in spite of taints.",
      key: "The taint's key; empty with operator Exists means all taints.",
      operator: "How the value is compared: Equal (default), Exists for any value, Lt or Gt for numbers.",
      value: "The taint's value; empty with operator Exists.",
      effect: "The taint's effect; empty means all effects.",
      tolerationSeconds: "With effect NoExecute, seconds for which the pod may stay; for ever unless set.",
    },
    TopologySpreadConstraint: {
      "": "How evenly pods are to be spread over places such as zones.",
      maxSkew: "By how many pods a place may exceed the one with the fewest.",
      topologyKey: "Nodes with the same value of this label count as one place.",
      whenUnsatisfiable: "DoNotSchedule to leave the pod pending, ScheduleAnyway to take the evenest place there is.",
      labelSelector: "Chooses the pods that are counted.",
      minDomains: "Places there must be; with fewer of them, the fewest pods count as zero. Only with DoNotSchedule.",
      nodeAffinityPolicy:
        "Whether nodes that nodeSelector and nodeAffinity rule out are left aside: Honor (default) or Ignore.",
      nodeTaintsPolicy: "Whether nodes with taints that are not tolerated are left aside: Honor, or Ignore (default).",
      matchLabelKeys: "Labels whose values must also be the same as the pod's own for another pod to be counted.",
    },
  },
};
