/**
 * CRC32-C (Castagnoli, reflected polynomial 0x82F63B78): the checksum of etcd's HashKV, of bbolt snapshots' status hash
 * and of our WAL. Eight tables let eight bytes go through per step; about 1 GB/s.
 */
const polynomial = 0x82f63b78;

const tables: readonly Int32Array[] = buildTables();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/**
 * @param seed checksum of the bytes before, so that `crc32c(b, crc32c(a))` is the checksum of a and b joined
 * @returns unsigned 32-bit integer
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  let i = 0;
  const wholeEnd = bytes.length - (bytes.length % 8);
  const at = bytes as { readonly [index: number]: number };
  for (; i < wholeEnd; i += 8) {
    const low = crc ^ (at[i]! | (at[i + 1]! << 8) | (at[i + 2]! << 16) | (at[i + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[at[i + 4]!]! ^
      t2[at[i + 5]!]! ^
      t1[at[i + 6]!]! ^
      t0[at[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ at[i]!) & 0xff]!;
  return ~crc >>> 0;
}

function buildTables(): Int32Array[] {
  const built = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    built[0]![byte] = crc;
  }
  for (let table = 1; table < 8; table++) {
    for (let byte = 0; byte < 256; byte++) {
      const previous = built[table - 1]![byte]!;
      built[table]![byte] = (previous >>> 8) ^ built[0]![previous & 0xff]!;
    }
  }
  return built;
}
