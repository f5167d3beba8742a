// Names around a pod: which servers it asks, what it adds to short names, what it knows itself.
import type { HostAlias, PodSpec } from "../generated/types.generated.ts";
import { invalid, required } from "../meta/field-error.ts";
import { dns1123Subdomain, regExpText } from "../meta/names.ts";
import { validIp } from "./addresses.ts";
import { checkText, type Errors } from "./basics.ts";

const nameserversMax = 3;
const searchesMax = 32;
const searchListLengthMax = 2048;
const searchLengthMax = 253;

const searchPattern = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const searchRegExp = new RegExp(`^${searchPattern}$`);
const searchText = regExpText(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  searchPattern,
  "example.com",
);

/** @param path of `dnsConfig` */
export function checkDns(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === "None" && (config?.nameservers ?? []).length === 0) {
    // Who has no servers at all is not asked about the rest.
    if (config === undefined) errors.push(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"));
    else {
      const text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      errors.push(required(`${path}.nameservers`, text));
    }
    return;
  }
  if (config === undefined) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > nameserversMax) {
    errors.push(invalid(`${path}.nameservers`, nameservers, `must not have more than ${nameserversMax} nameservers`));
  }
  nameservers.forEach((server, i) => checkText(errors, `${path}.nameservers[${i}]`, server, validIp));
  checkSearches(errors, `${path}.searches`, searches);
  options.forEach(({ name }, i) => {
    if ((name ?? "") === "") errors.push(required(`${path}.options[${i}]`, "must not be empty"));
  });
}

function checkSearches(errors: Errors, path: string, searches: readonly string[]): void {
  if (searches.length > searchesMax) {
    errors.push(invalid(path, searches, `must not have more than ${searchesMax} search paths`));
  }
  if (searches.join(" ").length > searchListLengthMax) {
    const text = `must not have more than ${searchListLengthMax} characters (including spaces) in the search list`;
    errors.push(invalid(path, searches, text));
  }
  searches.forEach((search, i) => {
    if (search === ".") return;
    const plain = search.replace(/\.$/, "");
    if (plain.length > searchLengthMax) {
      errors.push(invalid(`${path}[${i}]`, plain, `must be no more than ${searchLengthMax} characters`));
    }
    if (!searchRegExp.test(plain)) errors.push(invalid(`${path}[${i}]`, plain, searchText));
  });
}

export function checkHostAliases(errors: Errors, path: string, aliases: readonly HostAlias[]): void {
  aliases.forEach((alias, i) => {
    checkText(errors, `${path}[${i}].ip`, alias.ip ?? "", validIp);
    (alias.hostnames ?? []).forEach((name, j) =>
      checkText(errors, `${path}[${i}].hostnames[${j}]`, name, dns1123Subdomain),
    );
  });
}
