// Shuffle sharding: each flow is dealt a small hand of the queues. Two flows seldom hold the same hand, so a flow that
// fills all its queues leaves most others a queue of their own.

/** Two FNV-1a sums with different starts, 64 bits together. @param seed 32 bits */
export function flowHash(schemaName: string, distinguisher: string, seed: number): bigint {
  const low = fnv1a(schemaName, distinguisher, (0x811c9dc5 ^ seed) >>> 0);
  const high = fnv1a(schemaName, distinguisher, (0x9747b28c + Math.imul(seed, 0x9e3779b1)) >>> 0);
  return (BigInt(high) << 32n) | BigInt(low);
}

/**
 * Different queues, as if drawn from a deck without putting back; the hash is all the chance there is.
 *
 * @param handSize at most `queues`
 * @returns indices in the order of the deal
 */
export function dealHand(hash: bigint, queues: number, handSize: number): readonly number[] {
  const sorted: number[] = [];
  const hand: number[] = [];
  let chance = hash;
  for (let dealt = 0; dealt < handSize; dealt++) {
    const left = BigInt(queues - dealt);
    let card = Number(chance % left);
    chance /= left;
    // The card is a place among those that are left: each lower one that is gone moves it on.
    let at = 0;
    for (const lower of sorted) {
      if (lower > card) break;
      card += 1;
      at += 1;
    }
    sorted.splice(at, 0, card);
    hand.push(card);
  }
  return hand;
}

function fnv1a(schemaName: string, distinguisher: string, start: number): number {
  let hash = start;
  for (let i = 0; i < schemaName.length; i++) hash = Math.imul(hash ^ schemaName.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash, 0x01000193);
  for (let i = 0; i < distinguisher.length; i++) hash = Math.imul(hash ^ distinguisher.charCodeAt(i), 0x01000193);
  // Neighbouring names differ in their last characters: those must reach all bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
