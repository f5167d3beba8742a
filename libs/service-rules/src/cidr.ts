/** Whether an address lies in a network (`10.0.0.0/8`, `fd00::/8`); false for another family or unreadable text. */
export function containsAddress(cidr: string, ip: string): boolean {
  const [network = "", lengthText] = cidr.split("/");
  const left = addressBits(network);
  const right = addressBits(ip);
  if (left === undefined || right === undefined || left.bits !== right.bits) return false;
  const length = lengthText === undefined ? left.bits : Number(lengthText);
  const shift = BigInt(left.bits - length);
  return left.value >> shift === right.value >> shift;
}

function addressBits(ip: string): { readonly bits: 32 | 128; readonly value: bigint } | undefined {
  if (!ip.includes(":")) {
    const parts = ip.split(".").map(Number);
    if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
    return { bits: 32, value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  }
  const [head = "", tail] = ip.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...new Array<string>(Math.max(0, gap)).fill("0"), ...right];
  if (all.length !== 8 || all.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return { bits: 128, value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}
