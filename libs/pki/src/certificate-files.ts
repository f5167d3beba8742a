// Certificates in a folder: NAME.crt and NAME.key (mode 0600). What is there is kept, so that a second start of a
// cluster finds the same identities.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createCa,
  createSigningKey,
  issueCertificate,
  type CaRequest,
  type CertificateRequest,
  type KeyPair,
} from "./certificates.ts";

/** Where one key pair lives. */
export interface KeyPairPaths {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export function keyPairPaths(folder: string, name: string): KeyPairPaths {
  return { certificateFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
}

/** @returns undefined when neither file is there
 *  @throws Error naming the file when only one of the two can be read */
export async function readKeyPair(paths: KeyPairPaths): Promise<KeyPair | undefined> {
  const [certificatePem, keyPem] = await Promise.all([readIfThere(paths.certificateFile), readIfThere(paths.keyFile)]);
  if (certificatePem === undefined && keyPem === undefined) return undefined;
  if (certificatePem === undefined || keyPem === undefined) {
    const missing = certificatePem === undefined ? paths.certificateFile : paths.keyFile;
    throw new Error(`${missing} is missing while its other half is there; restore it or remove both`);
  }
  return { certificatePem, keyPem };
}

export async function ensureCa(folder: string, name: string, request: CaRequest): Promise<KeyPair> {
  return ensure(folder, name, () => createCa(request));
}

export async function ensureCertificate(
  folder: string,
  name: string,
  ca: KeyPair,
  request: CertificateRequest,
): Promise<KeyPair> {
  return ensure(folder, name, () => issueCertificate(ca, request));
}

/** A key without a certificate, in NAME.key. @returns the PEM */
export async function ensureSigningKey(folder: string, name: string): Promise<string> {
  const { keyFile } = keyPairPaths(folder, name);
  const existing = await readIfThere(keyFile);
  if (existing !== undefined) return existing;
  const keyPem = await createSigningKey();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeWhole(keyFile, keyPem, 0o600);
  return keyPem;
}

async function ensure(folder: string, name: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const paths = keyPairPaths(folder, name);
  const existing = await readKeyPair(paths);
  if (existing !== undefined) return existing;
  const pair = await make();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeWhole(paths.keyFile, pair.keyPem, 0o600);
  await writeWhole(paths.certificateFile, pair.certificatePem, 0o644);
  return pair;
}

/** Other readers see the old file or the whole new one. */
async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, text, { mode });
  await rename(`${file}.new`, file);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
