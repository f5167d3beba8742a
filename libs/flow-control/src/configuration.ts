// What FlowSchemas and PriorityLevelConfigurations say, read once into what decides. An object that contradicts itself
// (nothing the API's validation lets through) is as good as absent.
import type {
  FlowSchema,
  FlowcontrolV1Subject,
  NonResourcePolicyRule,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
} from "@triarch/api";

export interface Queuing {
  readonly queues: number;
  /** Queues that one flow may use. */
  readonly handSize: number;
  readonly queueLengthMax: number;
}

export interface PriorityLevelConfig {
  readonly name: string;
  readonly uid: string;
  /** Requests of an exempt level always execute; their seats only count as demand. */
  readonly kind: "exempt" | "limited";
  readonly nominalShares: number;
  readonly lendablePercent: number;
  /** Undefined: as much as others lend. */
  readonly borrowingLimitPercent: number | undefined;
  /** Undefined: what finds no seat is refused at once. */
  readonly queuing: Queuing | undefined;
}

export type Distinguisher = "ByUser" | "ByNamespace";

export interface FlowRule {
  readonly subjects: readonly FlowcontrolV1Subject[];
  readonly resourceRules: readonly ResourcePolicyRule[];
  readonly nonResourceRules: readonly NonResourcePolicyRule[];
}

export interface FlowSchemaConfig {
  readonly name: string;
  readonly uid: string;
  readonly levelName: string;
  /** Lower ones are asked first. */
  readonly precedence: number;
  /** Undefined: all its requests are one flow. */
  readonly distinguisher: Distinguisher | undefined;
  readonly rules: readonly FlowRule[];
}

/** The level for whose schemas nothing is ever refused. */
export const exemptName = "exempt";
/** Schema and level of what nothing else matches. */
export const catchAllName = "catch-all";

/** As the API's defaults. */
const precedenceDefault = 1000;
const sharesDefault = 30;

/** @returns undefined when the object contradicts itself */
export function readPriorityLevel({ metadata, spec }: PriorityLevelConfiguration): PriorityLevelConfig | undefined {
  const name = metadata?.name ?? "";
  const uid = metadata?.uid ?? "";
  if (spec === undefined || (spec.type === "Exempt") !== (name === exemptName)) return undefined;
  if (spec.type === "Exempt") {
    const { nominalConcurrencyShares: nominalShares = 0, lendablePercent = 0 } = spec.exempt ?? {};
    const none = { borrowingLimitPercent: undefined, queuing: undefined };
    return { name, uid, kind: "exempt", nominalShares, lendablePercent, ...none };
  }
  const { limited } = spec;
  if (limited === undefined) return undefined;
  const { nominalConcurrencyShares: nominalShares = sharesDefault, lendablePercent = 0, limitResponse } = limited;
  const given = limitResponse?.queuing;
  if ((limitResponse?.type === "Queue") !== (given !== undefined)) return undefined;
  const queuing = given && {
    queues: given.queues ?? 64,
    handSize: given.handSize ?? 8,
    queueLengthMax: given.queueLengthLimit ?? 50,
  };
  const { borrowingLimitPercent } = limited;
  return { name, uid, kind: "limited", nominalShares, lendablePercent, borrowingLimitPercent, queuing };
}

/** @returns undefined when the object has no spec */
export function readFlowSchema({ metadata, spec }: FlowSchema): FlowSchemaConfig | undefined {
  if (spec === undefined) return undefined;
  const method = spec.distinguisherMethod?.type;
  return {
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    levelName: spec.priorityLevelConfiguration.name,
    precedence: spec.matchingPrecedence ?? precedenceDefault,
    distinguisher: method === "ByUser" || method === "ByNamespace" ? method : undefined,
    rules: (spec.rules ?? []).map(({ subjects, resourceRules = [], nonResourceRules = [] }) => ({
      subjects,
      resourceRules,
      nonResourceRules,
    })),
  };
}
