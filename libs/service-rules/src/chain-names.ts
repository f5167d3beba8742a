import { utf8 } from "@triarch/base";
import type { ServicePort } from "./service-ports.ts";

/** SHA-256 as the platform has it. */
export type Sha256Of = (bytes: Uint8Array) => Uint8Array;

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const hashLength = 16;

/** Names of the chains of one service port; stable over nodes and restarts. */
export interface ChainNames {
  readonly service: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
  endpoint(endpoint: string): string;
}

export function chainNames(port: ServicePort, sha256: Sha256Of): ChainNames {
  const base = port.name + port.protocol.toLowerCase();
  const hash = hashText(base, sha256);
  return {
    service: `KUBE-SVC-${hash}`,
    local: `KUBE-SVL-${hash}`,
    external: `KUBE-EXT-${hash}`,
    firewall: `KUBE-FW-${hash}`,
    endpoint: (endpoint) => `KUBE-SEP-${hashText(base + endpoint, sha256)}`,
  };
}

/** The first 16 characters of the base32 of a text's SHA-256. */
function hashText(text: string, sha256: Sha256Of): string {
  const digest = sha256(utf8(text));
  let encoded = "";
  for (let i = 0; i < hashLength; i++) {
    const bit = i * 5;
    const pair = ((digest[bit >> 3] ?? 0) << 8) | (digest[(bit >> 3) + 1] ?? 0);
    encoded += alphabet[(pair >> (11 - (bit & 7))) & 31];
  }
  return encoded;
}
