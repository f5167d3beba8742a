// IPv4 ranges as numbers: the addresses of a service CIDR, which of them may be given out, and in which order.
import type { Rng } from "@triarch/base";

export interface ServiceCidr {
  readonly text: string;
  /** First and last address that a Service may have: network and broadcast address are left out. */
  readonly first: number;
  readonly last: number;
  /**
   * Addresses below this one are for people who choose their own; allocation takes them last.
   * Kubernetes' rule: a sixteenth of the range, at least 16, at most 256.
   */
  readonly dynamicFirst: number;
}

/** @throws Error saying what is wrong with the text */
export function parseServiceCidr(text: string): ServiceCidr {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text);
  const address = match === null ? undefined : parseIpv4(match[1] as string);
  const bits = Number(match?.[2]);
  if (address === undefined || bits < 8 || bits > 30) {
    throw new Error(`service CIDR "${text}": write an IPv4 network of /8 to /30, such as 10.96.0.0/16`);
  }
  const size = 2 ** (32 - bits);
  if (address % size !== 0)
    throw new Error(`service CIDR "${text}": ${match?.[1]} is not the start of a /${bits} network`);
  const [first, last] = [address + 1, address + size - 2];
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  return { text, first, last, dynamicFirst: size > 32 ? address + reserved + 1 : first };
}

export function contains(cidr: ServiceCidr, address: number): boolean {
  return address >= cidr.first && address <= cidr.last;
}

/** A free-looking address: uniformly from the dynamic part. */
export function randomAddress(cidr: ServiceCidr, rng: Rng): number {
  return cidr.dynamicFirst + rng.int(cidr.last - cidr.dynamicFirst + 1);
}

export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function ipv4Text(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
