// What a proxy path names: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`, and whether an address may be reached at all.
import { isIPv4, isIPv6 } from "node:net";

export interface NamedTarget {
  /** Empty: http. */
  readonly scheme: "" | "http" | "https";
  readonly name: string;
  /** A number or a port's name; empty: not said. */
  readonly port: string;
}

const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const portNamePattern = /^(?=[a-z0-9-]{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

/** @returns undefined for what names nothing */
export function parseTarget(text: string): NamedTarget | undefined {
  const parts = text.split(":");
  const [scheme, name, port] =
    parts.length === 3 ? parts : parts.length === 2 ? ["", ...parts] : parts.length === 1 ? ["", text, ""] : [];
  if (scheme === undefined || name === undefined || port === undefined) return undefined;
  if (scheme !== "" && scheme !== "http" && scheme !== "https") return undefined;
  if (!namePattern.test(name) || (port !== "" && !isPort(port) && !portNamePattern.test(port))) return undefined;
  return { scheme, name, port };
}

export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

/**
 * False for addresses that are not one machine's in the network: a pod could otherwise say that it is the master's own
 * loopback, and let its creator reach what listens there.
 */
export function isProxyableAddress(address: string): boolean {
  if (isIPv4(address)) {
    const [a = 0, b = 0] = address.split(".").map(Number);
    return a !== 0 && a !== 127 && !(a === 169 && b === 254) && a < 224;
  }
  if (!isIPv6(address)) return false;
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(plain);
  if (mapped !== null) {
    const [high, low] = [parseInt(mapped[1] ?? "", 16), parseInt(mapped[2] ?? "", 16)];
    return isProxyableAddress([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  return plain !== "::" && plain !== "::1" && !/^fe[89ab]/.test(plain) && !plain.startsWith("ff");
}

export function hostOf(address: string, port: string | number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
