// `resourceVersion` as clients write it: nothing, "0", or a revision of the store in decimal.
import { StorageError } from "./errors.ts";

export type ReadPoint =
  /** Linearizable: not older than the start of the request. */
  | { readonly kind: "latest" }
  /** Whatever is there. */
  | { readonly kind: "any" }
  | { readonly kind: "revision"; readonly revision: number };

/** @throws StorageError "invalidResourceVersion" | "tooLargeResourceVersion" */
export function readPoint(resourceVersion: string | undefined): ReadPoint {
  if (resourceVersion === undefined || resourceVersion === "") return { kind: "latest" };
  const why = whyInvalid(resourceVersion);
  if (why !== undefined) {
    const quoted = JSON.stringify(resourceVersion);
    const message = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`;
    throw new StorageError({ code: "invalidResourceVersion", message });
  }
  const revision = Number(resourceVersion);
  if (revision === 0) return { kind: "any" };
  return { kind: "revision", revision };
}

const uint64Max = 2n ** 64n - 1n;

function whyInvalid(text: string): string | undefined {
  if (!/^[0-9]+$/.test(text)) return "invalid syntax";
  return BigInt(text) > uint64Max ? "value out of range" : undefined;
}
