// One iptables rule in the form and order that iptables-save prints and iptables-restore takes.

export interface RuleParts {
  readonly chain: string;
  /** `10.0.0.0/8`, or `! 10.0.0.0/8`. */
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  /** `veth+`, or `! veth+`. */
  readonly inInterface?: string | undefined;
  readonly protocol?: string | undefined;
  readonly comment?: string | undefined;
  /** Matches between the comment and the port, each as one text. */
  readonly matches?: readonly string[] | undefined;
  readonly destinationPort?: number | undefined;
  /** Load the protocol's match even without a port: DNAT to a port asks for it. */
  readonly protocolMatch?: boolean | undefined;
  /** Matches behind the port. */
  readonly matchesAfterPort?: readonly string[] | undefined;
  readonly target?: string | undefined;
}

export function rule(parts: RuleParts): string {
  const words = ["-A", parts.chain];
  const option = (flag: string, value: string | undefined): void => {
    if (value === undefined) return;
    if (value.startsWith("! ")) words.push("!", flag, value.slice(2));
    else words.push(flag, value);
  };
  option("-s", parts.source);
  option("-d", parts.destination);
  option("-i", parts.inInterface);
  option("-p", parts.protocol);
  if (parts.comment !== undefined) words.push("-m", "comment", "--comment", `"${parts.comment}"`);
  words.push(...(parts.matches ?? []));
  if (parts.destinationPort !== undefined)
    words.push("-m", parts.protocol ?? "", "--dport", String(parts.destinationPort));
  else if (parts.protocolMatch === true) words.push("-m", parts.protocol ?? "");
  words.push(...(parts.matchesAfterPort ?? []));
  if (parts.target !== undefined) words.push("-j", parts.target);
  return words.join(" ");
}

/** Whole addresses carry their prefix length. */
export function hostCidr(ip: string): string {
  return ip.includes(":") ? `${ip}/128` : `${ip}/32`;
}

/** The share of the first of `left` endpoints, as the kernel keeps it: in units of 2^-31. */
export function randomMatch(left: number): string {
  const units = Math.round(Number((1 / left).toFixed(10)) * 2 ** 31);
  return `-m statistic --mode random --probability ${(units / 2 ** 31).toFixed(11)}`;
}
