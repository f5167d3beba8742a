// What objects of all kinds share, and what the API itself speaks in.
import { conditionTexts, type DescriptionTable } from "./description-table.ts";

export const meta: DescriptionTable = {
  prefix: "io.k8s.apimachinery.pkg.apis.meta.v1.",
  types: {
    FieldsV1: {
      "": "A set of fields as a tree: f:NAME stands for a field, k:{KEYS} for a list entry and v:VALUE for a set member.",
    },
    Condition: {
      ...conditionTexts,
      "": "One observation about an object, kept up to date by whoever watches over that aspect.",
      observedGeneration:
        "The metadata.generation that the condition was computed from; an older one means it is outdated.",
    },
    DeleteOptions: {
      "": "How an object is to be deleted; sent as the body of a DELETE request.",
      gracePeriodSeconds:
        "Seconds the object may take to shut down; 0 removes it at once, absent takes the kind's default.",
      preconditions: "What must still be true of the object, or else the request fails with a conflict.",
      orphanDependents:
        "The old way to ask for dependents to be left behind (true) or removed (false); use propagationPolicy.",
      propagationPolicy:
        "What happens to dependents: Orphan keeps them, Background deletes them later, Foreground first.",
      dryRun: "With All, the request is checked in every stage, and nothing is stored.",
      ignoreStoreReadErrorWithClusterBreakingPotential:
        "Deletes an object even if its stored form cannot be read; finalizers and dependents are then ignored.",
    },
    LabelSelector: {
      "": "Chooses objects by their labels; all its parts must hold, and an empty selector chooses everything.",
      matchLabels: "Labels that an object must carry with exactly these values.",
      matchExpressions: "Conditions on labels, each of which an object must meet.",
    },
    LabelSelectorRequirement: {
      "": "One condition on the value or the presence of a label.",
      key: "The label that is looked at.",
      operator: "How key and values relate: In, NotIn, Exists or DoesNotExist.",
      values: "The values for In and NotIn, at least one; must be empty for Exists and DoesNotExist.",
    },
    ListMeta: {
      "": "What lists of all kinds have in common.",
      selfLink: "No longer filled in.",
      resourceVersion: "The version of the store that the list shows; a watch may start from it.",
      continue: "Set when the list was cut off by its limit: send it back to get the next part.",
      remainingItemCount: "How many further objects are known to follow this part; may be absent or out of date.",
      shardInfo: "Present when the list holds one shard of the objects only, and says which.",
    },
    ManagedFieldsEntry: {
      "": "The fields that one manager set in one way, with which server-side apply detects conflicts.",
      manager: "Name of the program or user that set the fields.",
      operation: "How they were set: Apply for server-side apply, Update for all other writes.",
      apiVersion: "The API version whose field names the entry uses.",
      time: "When the manager last added, changed or dropped a field.",
      fieldsType: "Format of the field set; FieldsV1 is the only one.",
      fieldsV1: "The set of fields.",
      subresource: "The subresource through which the fields were set, such as status; empty for the object itself.",
    },
    ObjectMeta: {
      "": "Identity, labels and bookkeeping of an object.",
      name: "Name of the object, unique among its kind in the namespace; it never changes.",
      generateName: "Beginning of a name: when name is empty, the server appends random characters to it.",
      namespace: "The namespace that the object lives in; empty for kinds that span the cluster.",
      selfLink: "No longer filled in.",
      uid: "Assigned by the server and never used again, so that two objects of one name in turn can be told apart.",
      resourceVersion:
        "Changes with every write; send it back with an update to fail if someone else wrote in between.",
      generation: "Counts the changes of the desired state; writes to the status leave it alone.",
      creationTimestamp: "When the server created the object.",
      deletionTimestamp: "Set by the server once deletion was asked for; the object goes when its finalizers are gone.",
      deletionGracePeriodSeconds: "Seconds the object has for shutting down after its deletion was asked for.",
      labels: "Short key-value pairs by which objects are grouped and selected.",
      annotations: "Key-value pairs of any content for tools and people; they cannot be selected by.",
      ownerReferences: "The objects that this one belongs to; when all of them are gone, it is deleted as well.",
      finalizers: "Names of tasks that must be done, and taken off this list, before a deleted object disappears.",
      managedFields: "Who set which fields; kept by the server and seldom of interest to people.",
    },
    OwnerReference: {
      "": "Names an object in the same namespace, or a cluster-wide one, that another object belongs to.",
      apiVersion: "API group and version of the owner.",
      kind: "Kind of the owner.",
      name: "Name of the owner.",
      uid: "UID of the owner; an object of the same name but another UID does not count.",
      controller: "True for the one owner that manages the object.",
      blockOwnerDeletion: "True if an owner deleted in the foreground has to wait for this object to go.",
    },
    Preconditions: {
      "": "What must be true of an object for a request to be carried out.",
      uid: "The UID that the object must have.",
      resourceVersion: "The resource version that the object must have.",
    },
    ShardInfo: {
      "": "Says which part of a sharded list was returned.",
      selector: "The shard selector of the request, as it was applied.",
    },
    Status: {
      "": "The outcome of a request that returns no object, most often an error.",
      apiVersion: "Always v1.",
      kind: "Always Status.",
      metadata: "Metadata as lists have it; usually empty.",
      status: "Success or Failure.",
      message: "What happened, for people.",
      reason: "What happened, as one word for programs: NotFound, Conflict, Invalid and so on.",
      details: "What the reason is about: which object, and which of its fields.",
      code: "The HTTP status code.",
    },
    StatusCause: {
      "": "One of possibly several things that are wrong.",
      reason: "The kind of fault, as one word for programs.",
      message: "The fault, explained for people.",
      field: "Path of the field at fault, such as spec.containers[0].image.",
    },
    StatusDetails: {
      "": "The object that a status is about and what is wrong with it.",
      name: "Name of the object.",
      group: "API group of the object.",
      kind: "Kind or resource name of the object.",
      uid: "UID of the object, if it has one.",
      causes: "The single faults that were found.",
      retryAfterSeconds:
        "Seconds to wait before the request is worth repeating; some errors ask for another request instead.",
    },
  },
};
