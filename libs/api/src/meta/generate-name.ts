import type { Rng } from "@triarch/base";

/** No vowels and no look-alikes, so that no words arise and people can read names aloud. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
/** Kubernetes cuts the base so that base and suffix fit into a 63-character label. */
const baseLengthMax = 63 - suffixLength;

/** `base` plus five random characters. Not promised to be free: a create that collides is tried again by the caller. */
export function generateName(base: string, rng: Rng): string {
  return base.slice(0, baseLengthMax) + randomSuffix(rng);
}

export function randomSuffix(rng: Rng, length = suffixLength): string {
  let text = "";
  for (let i = 0; i < length; i++) text += alphabet.charAt(rng.int(alphabet.length));
  return text;
}
