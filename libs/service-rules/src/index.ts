export { containsAddress } from "./cidr.ts";
export type { Sha256Of } from "./chain-names.ts";
export { planRules } from "./plan-rules.ts";
export type { LocalDetector, RulesConfig, RulesPlan, ServiceState, TablePlan } from "./plan-rules.ts";
export type { IpFamily } from "./service-ports.ts";
