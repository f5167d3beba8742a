/** The Kubernetes release whose API this is: `/version` and the OpenAPI documents say so. */
export const kubernetesVersion = { major: "1", minor: "36", gitVersion: "v1.36.3" } as const;
