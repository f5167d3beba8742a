// Issues the cluster's certificates: ECDSA P-256 keys, PEM in and out. Time is passed in; randomness (keys, serial
// numbers) is the platform's cryptographic one.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { webcrypto } from "node:crypto";

x509.cryptoProvider.set(webcrypto);

/** A certificate and its private key, both PEM (the key in PKCS#8). */
export interface KeyPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface CaRequest {
  readonly commonName: string;
  readonly nowMs: number;
  readonly validityDays: number;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Subject O: Kubernetes groups. */
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages: readonly ("client" | "server")[];
  readonly nowMs: number;
  readonly validityDays: number;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const dayMs = 86_400_000;
/** Certificates start this long ago, so that machines whose clocks differ a little accept them. */
const clockSkewMs = 5 * 60_000;

/** A self-signed certificate authority that may sign leaf certificates only. */
export async function createCa(request: CaRequest): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: [{ CN: [request.commonName] }],
    notBefore: new Date(request.nowMs - clockSkewMs),
    notAfter: new Date(request.nowMs + request.validityDays * dayMs),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: certificate.toString("pem"), keyPem: await exportKey(keys.privateKey) };
}

/** A leaf certificate signed by `ca`. */
export async function issueCertificate(ca: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(ca.certificatePem);
  const keys = await newKeys();
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  const subject: x509.JsonName = [
    ...(request.organizations ?? []).map((organization) => ({ O: [organization] })),
    { CN: [request.commonName] },
  ];
  const purposes = request.usages.map((usage) =>
    usage === "client" ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
  );
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject,
    issuer: issuer.subjectName,
    notBefore: new Date(request.nowMs - clockSkewMs),
    notAfter: new Date(Math.min(request.nowMs + request.validityDays * dayMs, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.keyPem),
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(purposes),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return { certificatePem: certificate.toString("pem"), keyPem: await exportKey(keys.privateKey) };
}

/** A P-256 key that signs what is no certificate: tokens of service accounts. PKCS#8 PEM. */
export async function createSigningKey(): Promise<string> {
  return exportKey((await newKeys()).privateKey);
}

/** When a PEM certificate ends, milliseconds since the epoch. */
export function certificateExpiryMs(certificatePem: string): number {
  return new x509.X509Certificate(certificatePem).notAfter.getTime();
}

type CryptoKeyPair = Awaited<ReturnType<typeof newKeys>>;

async function newKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** 127 random bits, positive as X.509 asks. */
function newSerialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

async function exportKey(key: CryptoKeyPair["privateKey"]): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return x509.PemConverter.encode(der, "PRIVATE KEY");
}

async function importKey(keyPem: string): Promise<CryptoKeyPair["privateKey"]> {
  const der = x509.PemConverter.decodeFirst(keyPem);
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]);
}
