// IP addresses and CIDR ranges, as text. What different programs would read differently is refused: zeros before a
// number (octal to some), IPv4 inside of IPv6, ranges with bits that the prefix does not cover.

export const ipText = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
export const cidrText = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

export type IpFamily = "IPv4" | "IPv6";

/** The family of an address, or `undefined` for text that is none or that `validIp` refuses. */
export function ipFamily(text: string): IpFamily | undefined {
  if (isIpv4(text)) return "IPv4";
  return isIpv6(text) && !isMapped(text) ? "IPv6" : undefined;
}

/** Any spelling of an address will do that means the same to everybody. */
export function validIp(text: string): readonly string[] {
  if (ipFamily(text) !== undefined) return [];
  if (isIpv6(text)) return ["must not be an IPv4-mapped IPv6 address"];
  const plain = withoutLeadingZeros(text);
  return isIpv4(plain) || isIpv6(plain) ? ["must not have leading 0s"] : [ipText];
}

/** For fields that are younger: only the one spelling that addresses are written in. */
export function canonicalIp(text: string): readonly string[] {
  const wrong = validIp(text);
  if (wrong.length > 0) return wrong;
  const canonical = addressText(text);
  return canonical === text ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
}

/** The family of a range, or `undefined` for text that is none. */
export function cidrFamily(text: string): IpFamily | undefined {
  const [address = "", bits = "", ...rest] = text.split("/");
  const family = ipFamily(address);
  if (family === undefined || rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  return Number(bits) <= (family === "IPv4" ? 32 : 128) ? family : undefined;
}

/** A range, not an address with the length of its network's prefix. */
export function validCidr(text: string): readonly string[] {
  const [address = "", bits = "", ...rest] = text.split("/");
  if (cidrFamily(text) === undefined) {
    if (isIpv6(address) && isMapped(address) && /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= 128) {
      return ["must not have an IPv4-mapped IPv6 address"];
    }
    const plain = [withoutLeadingZeros(address), bits.replace(/^0+(?=\d)/, ""), ...rest].join("/");
    return cidrFamily(plain) === undefined ? [cidrText] : ["must not have leading 0s in IP or prefix length"];
  }
  const { family, address: value, length } = cidrBits(text);
  const free = BigInt((family === "IPv4" ? 32 : 128) - length);
  return (value >> free) << free === value ? [] : ["must not have bits set beyond the prefix length"];
}

/** As `canonicalIp`. */
export function canonicalCidr(text: string): readonly string[] {
  const wrong = validCidr(text);
  if (wrong.length > 0) return wrong;
  const slash = text.indexOf("/");
  const canonical = `${addressText(text.slice(0, slash))}${text.slice(slash)}`;
  return canonical === text ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
}

/** An address with the length of its network's prefix: `10.0.0.1/24`. */
export function interfaceAddress(text: string): readonly string[] {
  const [address = "", bits = "", ...rest] = text.split("/");
  if (cidrFamily(text) === undefined || rest.length > 0) {
    return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"];
  }
  const canonical = `${addressText(address)}/${bits}`;
  return canonical === text ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2 || text === "") return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const all = groups.flat();
  const last = all.at(-1) ?? "";
  const mapped = last.includes(".");
  if (mapped && !isIpv4(last)) return false;
  if (!all.slice(0, mapped ? -1 : undefined).every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  const count = all.length + (mapped ? 1 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}

/** An IPv4 address that is written as one of IPv6: `::ffff:10.0.0.1`. */
function isMapped(text: string): boolean {
  return addressBits(text) >> 32n === 0xffffn;
}

/** `010.0.0.1` -> `10.0.0.1`; groups of IPv6 may begin with zeros. */
function withoutLeadingZeros(text: string): string {
  const colon = text.lastIndexOf(":") + 1;
  return text.slice(0, colon) + text.slice(colon).replace(/(^|\.)0+(?=\d)/g, text.includes(".") ? "$1" : "$&");
}

/** The one spelling of a valid address: lower case, and the longest run of zero groups as `::` (RFC 5952). */
function addressText(text: string): string {
  if (!text.includes(":")) return text;
  const bits = addressBits(text);
  const groups = Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(16 * (7 - i))) & 0xffffn).toString(16)).join(":");
  const runs = [...groups.matchAll(/\b0(?::0)+\b/g)];
  const longest = runs.reduce<RegExpExecArray | undefined>(
    (best, run) => (best !== undefined && best[0].length >= run[0].length ? best : run),
    undefined,
  );
  if (longest === undefined) return groups;
  const [before, after] = [groups.slice(0, longest.index), groups.slice(longest.index + longest[0].length)];
  return `${before.replace(/:$/, "")}::${after.replace(/^:/, "")}`;
}

/** Loopback, link-local, multicast and unspecified addresses can't be endpoints. */
export function nonSpecialIp(text: string): readonly string[] {
  const found: string[] = [];
  const lower = text.toLowerCase();
  if (text === "0.0.0.0" || lower === "::") found.push(`may not be unspecified (${text})`);
  if (/^127\./.test(text) || lower === "::1") found.push("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (/^169\.254\./.test(text) || /^fe[89ab]/.test(lower)) {
    found.push("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (/^224\.0\.0\./.test(text) || lower.startsWith("ff02:")) {
    found.push("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
  return found;
}

/** Is `inner` a part of `outer`, and not all of it? Both must be ranges. */
export function cidrContains(outer: string, inner: string): boolean {
  const [whole, part] = [cidrBits(outer), cidrBits(inner)];
  if (whole.family !== part.family || part.length <= whole.length) return false;
  const shift = BigInt((whole.family === "IPv4" ? 32 : 128) - whole.length);
  return whole.address >> shift === part.address >> shift;
}

function cidrBits(cidr: string): {
  readonly family: IpFamily | undefined;
  readonly address: bigint;
  readonly length: number;
} {
  const [address = "", length = ""] = cidr.split("/");
  return { family: ipFamily(address), address: addressBits(address), length: Number(length) };
}

function addressBits(text: string): bigint {
  const bits = (numbers: readonly number[], size: bigint): bigint =>
    numbers.reduce((sum, number) => (sum << size) | BigInt(number), 0n);
  if (!text.includes(":")) return bits(text.split(".").map(Number), 8n);
  // An IPv4 address at the end stands for the last two groups.
  const last = text.slice(text.lastIndexOf(":") + 1);
  const mapped = last.includes(".") ? addressBits(last) : undefined;
  const groupsText =
    mapped === undefined
      ? text
      : text.replace(last, `${(mapped >> 16n).toString(16)}:${(mapped & 0xffffn).toString(16)}`);
  const [head = [], tail = []] = groupsText
    .split("::")
    .map((half) => (half === "" ? [] : half.split(":").map((group) => Number.parseInt(group, 16))));
  const gap = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  return bits(groupsText.includes("::") ? [...head, ...gap, ...tail] : head, 16n);
}
