export { applyRules, IptablesError, removeRules, saveTable } from "./iptables.ts";
export type { Jump, TableName, TableText } from "./iptables.ts";
