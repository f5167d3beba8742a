// Who gets how many of the server's seats: nominally by shares, and from period to period by demand, as levels lend what
// they do not use.
import type { PriorityLevelConfig } from "./configuration.ts";

export interface NominalLimits {
  readonly nominal: number;
  /** What is left when everything that may be lent is lent. */
  readonly lower: number;
  readonly upper: number;
}

/** Rounded up, so that the sum may be a little more than `seatsTotal`. @param sharesTotal of all levels */
export function nominalLimits(level: PriorityLevelConfig, seatsTotal: number, sharesTotal: number): NominalLimits {
  const { nominalShares, lendablePercent, borrowingLimitPercent } = level;
  const nominal = sharesTotal === 0 ? 0 : Math.ceil((seatsTotal * nominalShares) / sharesTotal);
  const lendable = Math.round((nominal * lendablePercent) / 100);
  const borrowing =
    borrowingLimitPercent === undefined ? seatsTotal : Math.round((nominal * borrowingLimitPercent) / 100);
  return { nominal, lower: nominal - lendable, upper: nominal + borrowing };
}

export interface Claim {
  readonly target: number;
  /** At most `target`. */
  readonly lower: number;
  readonly upper: number;
}

export interface Allocation {
  /** One per claim. */
  readonly seats: readonly number[];
  /** The factor that every target within its bounds was multiplied by. */
  readonly fairFraction: number;
}

/** A target of nothing still takes its part of what is left over. */
const targetMin = 0.001;

/**
 * The one factor with which `clamp(factor * target, lower, upper)` of all claims sum to `total`.
 * Below the sum of the lower bounds each gets its lower one, above that of the upper bounds its upper one.
 * Cost: O(n²) in the number of levels, each 10 s.
 */
export function allocateSeats(total: number, claims: readonly Claim[]): Allocation {
  const targets = claims.map(({ target }) => Math.max(target, targetMin));
  const at = (factor: number): readonly number[] =>
    claims.map(({ lower, upper }, i) => Math.min(Math.max(factor * (targets[i] as number), lower), upper));
  const sumAt = (factor: number): number => at(factor).reduce((sum, seats) => sum + seats, 0);
  // The sum grows with the factor, in straight lines between the factors at which some claim meets a bound.
  const corners = claims
    .flatMap(({ lower, upper }, i) => [lower / (targets[i] as number), upper / (targets[i] as number)])
    .sort((a, b) => a - b);
  let below = 0;
  for (const corner of corners) {
    const sum = sumAt(corner);
    if (sum >= total) {
      const sumBelow = sumAt(below);
      const part = sum === sumBelow ? 0 : Math.max((total - sumBelow) / (sum - sumBelow), 0);
      const fairFraction = below + part * (corner - below);
      return { seats: at(fairFraction), fairFraction };
    }
    below = corner;
  }
  return { seats: at(below), fairFraction: below };
}
