import type { Rng } from "@triarch/base";

/** A lease id as the server picks it when none was asked for: 63 random bits, never 0. */
export function pickLeaseId(rng: Rng): bigint {
  const high = BigInt(rng.int(2 ** 31));
  const low = BigInt(rng.int(2 ** 32));
  const id = (high << 32n) | low;
  return id === 0n ? 1n : id;
}
