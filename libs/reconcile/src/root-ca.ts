// Each namespace holds the certificate authority by which its pods can check the API server.
import type { ConfigMap } from "@triarch/api";
import { isBeingDeleted, stableJson } from "./objects.ts";

export const rootCaName = "kube-root-ca.crt";
const descriptionAnnotation = "kubernetes.io/description";
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the " +
  "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

export type RootCaPlan =
  | { readonly kind: "none" }
  | { readonly kind: "create"; readonly configMap: ConfigMap }
  | { readonly kind: "update"; readonly configMap: ConfigMap };

/**
 * The data are exactly the authority; labels and other annotations are whoever's who set them.
 *
 * @param rootCa PEM
 */
export function planRootCa(namespace: string, present: ConfigMap | undefined, rootCa: string): RootCaPlan {
  const data = { "ca.crt": rootCa };
  const annotations = { ...present?.metadata?.annotations, [descriptionAnnotation]: description };
  const configMap: ConfigMap = {
    ...present,
    metadata: { ...present?.metadata, name: rootCaName, namespace, annotations },
    data,
  };
  if (present === undefined) return { kind: "create", configMap };
  const right = stableJson([present.data, present.metadata?.annotations ?? {}]) === stableJson([data, annotations]);
  return right || isBeingDeleted(present) ? { kind: "none" } : { kind: "update", configMap };
}
