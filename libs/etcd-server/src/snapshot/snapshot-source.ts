/** A snapshot file to read from, plain or encrypted. */
import { open, type FileHandle } from "node:fs/promises";
import type { ByteSource } from "@triarch/bbolt";
import { EncryptionError, isSealed, readSnapshotKey, sealedKeyId, unsealed } from "./encryption.ts";

export interface SnapshotSource extends ByteSource {
  readonly encrypted: boolean;
  close(): Promise<void>;
}

/**
 * @param keyFile needed for an encrypted file
 * @throws EncryptionError | the system's error when the file cannot be read
 */
export async function openSnapshotSource(file: string, keyFile?: string): Promise<SnapshotSource> {
  const handle = await open(file, "r");
  try {
    const source = await fileSource(handle);
    const close = (): Promise<void> => handle.close();
    if (!(await isSealed(source))) return { ...source, encrypted: false, close };
    if (keyFile === undefined) {
      throw new EncryptionError(
        "keyFile",
        `${file} is encrypted with key ${await sealedKeyId(source)}: say --key-file`,
      );
    }
    return { ...(await unsealed(source, await readSnapshotKey(keyFile))), encrypted: true, close };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function fileSource(file: FileHandle): Promise<ByteSource> {
  const { size } = await file.stat();
  return {
    sizeBytes: size,
    read: async (offset, length) => {
      const buffer = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    },
  };
}
