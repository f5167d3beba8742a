// A short hash of a text, for what clients only compare: storage version hashes and OpenAPI document hashes.

const offsetBasis = 0xcbf2_9ce4_8422_2325n;
const prime = 0x0000_0100_0000_01b3n;

/** FNV-1a over UTF-16 code units, 64 bits. Not for anything an attacker may choose. Cost: O(text). */
export function contentHash(text: string): Uint8Array {
  // Four 16-bit limbs, lowest first: BigInt arithmetic per character would cost a hundred times as much.
  const limbs = [0n, 16n, 32n, 48n].map((shift) => Number((offsetBasis >> shift) & 0xffffn)) as [
    number,
    number,
    number,
    number,
  ];
  const low = Number(prime & 0xffffn);
  const high = Number((prime >> 32n) & 0xffffn);
  for (let i = 0; i < text.length; i++) {
    limbs[0] ^= text.charCodeAt(i);
    const [a, b, c, d] = limbs;
    const r0 = a * low;
    const r1 = b * low + (r0 >>> 16);
    const r2 = c * low + a * high + (r1 >>> 16);
    const r3 = d * low + b * high + Math.floor(r2 / 0x1_0000);
    limbs[0] = r0 & 0xffff;
    limbs[1] = r1 & 0xffff;
    limbs[2] = r2 & 0xffff;
    limbs[3] = r3 & 0xffff;
  }
  const bytes = new Uint8Array(8);
  for (const [index, limb] of limbs.entries()) {
    bytes[7 - 2 * index] = limb & 0xff;
    bytes[6 - 2 * index] = limb >>> 8;
  }
  return bytes;
}
