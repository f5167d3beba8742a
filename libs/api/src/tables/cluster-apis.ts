// Tables of what configures the API server itself: webhooks, policies, flow control, aggregated APIs, certificates.
import type {
  APIService,
  CertificateSigningRequest,
  FlowSchema,
  MutatingAdmissionPolicySpec,
  ParamKind,
  PriorityLevelConfigurationSpec,
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { listAt, objectAt } from "../meta/mutable.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { ageOf, ageText, nameOf, orNone } from "./cells.ts";
import { ageColumn, countColumn, type KindTable, nameColumn, textColumn } from "./table.ts";

const unset = "<unset>";

export const webhookConfigurationTable: KindTable = {
  columns: [nameColumn, countColumn("Webhooks", "How many webhooks there are."), ageColumn],
  cells: (object, nowMs) => [nameOf(object), listAt(object, "webhooks").length, ageOf(object, nowMs)],
};

export const validatingPolicyTable: KindTable = {
  columns: [
    nameColumn,
    countColumn("Validations", "How many conditions there are."),
    textColumn("ParamKind", "Kind of the objects that parametrise it."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { validations = [], paramKind } = sparse<ValidatingAdmissionPolicySpec>(objectAt(object, "spec") ?? {});
    return [nameOf(object), validations.length, paramKindText(paramKind), ageOf(object, nowMs)];
  },
};

export const mutatingPolicyTable: KindTable = {
  columns: [
    nameColumn,
    countColumn("Mutations", "How many changes there are."),
    textColumn("ParamKind", "Kind of the objects that parametrise it."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { mutations = [], paramKind } = sparse<MutatingAdmissionPolicySpec>(objectAt(object, "spec") ?? {});
    return [nameOf(object), mutations.length, paramKindText(paramKind), ageOf(object, nowMs)];
  },
};

function paramKindText(paramKind: Sparse<ParamKind> | undefined): string {
  return paramKind === undefined ? unset : `${paramKind.apiVersion ?? ""}/${paramKind.kind ?? ""}`;
}

export const policyBindingTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("PolicyName", "Policy that is bound."),
    textColumn("ParamRef", "Objects that parametrise it."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { policyName = "", paramRef } = sparse<ValidatingAdmissionPolicyBindingSpec>(objectAt(object, "spec") ?? {});
    const { name = "", namespace = "" } = paramRef ?? {};
    const shown = namespace === "" ? name : `${namespace}/${name}`;
    return [nameOf(object), policyName, paramRef === undefined ? unset : shown, ageOf(object, nowMs)];
  },
};

export const flowSchemaTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("PriorityLevel", "Level that its requests wait at."),
    textColumn("MatchingPrecedence", "Which schema is asked first: the least."),
    textColumn("DistinguisherMethod", "What makes a flow of requests."),
    ageColumn,
    textColumn("MissingPL", "The level does not exist."),
  ],
  cells: (object, nowMs) => {
    const { spec = {}, status = {} } = sparse<FlowSchema>(object);
    const dangling = (status.conditions ?? []).find(({ type }) => type === "Dangling");
    return [
      nameOf(object),
      spec.priorityLevelConfiguration?.name ?? "",
      spec.matchingPrecedence ?? 0,
      orNone(spec.distinguisherMethod?.type),
      ageOf(object, nowMs),
      dangling?.status ?? "?",
    ];
  },
};

export const priorityLevelTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Type", "Whether requests are limited at all."),
    textColumn("NominalConcurrencyShares", "Share of the server's concurrency."),
    textColumn("Queues", "How many queues there are."),
    textColumn("HandSize", "Queues that one flow may use."),
    textColumn("QueueLengthLimit", "Requests that fit into a queue."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { type = "", limited, exempt } = sparse<PriorityLevelConfigurationSpec>(objectAt(object, "spec") ?? {});
    const queuing = limited?.limitResponse?.queuing;
    return [
      nameOf(object),
      type,
      (limited ?? exempt)?.nominalConcurrencyShares ?? "<none>",
      queuing?.queues ?? "<none>",
      queuing?.handSize ?? "<none>",
      queuing?.queueLengthLimit ?? "<none>",
      ageOf(object, nowMs),
    ];
  },
};

export const apiServiceTable: KindTable = {
  columns: [nameColumn, textColumn("Service", "Who answers."), textColumn("Available", "Whether it does."), ageColumn],
  cells: (object, nowMs) => {
    const { spec = {}, status = {} } = sparse<APIService>(object);
    const { service } = spec;
    const available = (status.conditions ?? []).find(({ type }) => type === "Available");
    const text =
      available?.status === "True" ? "True" : `${available?.status ?? "Unknown"} (${available?.reason ?? ""})`;
    return [
      nameOf(object),
      service === undefined ? "Local" : `${service.namespace ?? ""}/${service.name ?? ""}`,
      available === undefined ? "Unknown" : text,
      ageOf(object, nowMs),
    ];
  },
};

export const certificateSigningRequestTable: KindTable = {
  columns: [
    nameColumn,
    ageColumn,
    textColumn("SignerName", "Who shall sign."),
    textColumn("Requestor", "Who asked."),
    textColumn("RequestedDuration", "How long it shall be valid."),
    textColumn("Condition", "What was decided."),
  ],
  cells: (object, nowMs) => {
    const { spec = {} } = sparse<CertificateSigningRequest>(object);
    const seconds = spec.expirationSeconds;
    return [
      nameOf(object),
      ageOf(object, nowMs),
      spec.signerName ?? "<none>",
      spec.username ?? "",
      seconds === undefined ? "<none>" : ageText(seconds * 1000),
      requestState(object),
    ];
  },
};

function requestState(object: JsonObject): string {
  const { conditions = [], certificate = "" } = sparse<CertificateSigningRequest>(object).status ?? {};
  const types = conditions.map(({ type }) => type);
  const decision = types.includes("Denied") ? "Denied" : types.includes("Approved") ? "Approved" : "Pending";
  const failed = types.includes("Failed") ? ",Failed" : "";
  return `${decision}${failed}${certificate === "" ? "" : ",Issued"}`;
}
