export { ensureCa, ensureCertificate, ensureSigningKey, keyPairPaths, readKeyPair } from "./certificate-files.ts";
export type { KeyPairPaths } from "./certificate-files.ts";
export { certificateExpiryMs, createCa, createSigningKey, issueCertificate } from "./certificates.ts";
export type { CaRequest, CertificateRequest, KeyPair } from "./certificates.ts";
