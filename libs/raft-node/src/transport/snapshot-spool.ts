/**
 * An arriving snapshot is put into a file first, because Raft may still refuse it: only the whole of a snapshot that Raft
 * wants replaces the state machine. At most `pausedAboveBytes` wait for the disk; then the sender is held up.
 */
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Socket } from "node:net";
import { assert, crc32c } from "@triarch/base";
import type { Message } from "@triarch/raft";
import { DecodeError } from "../codec/varint.ts";

const pausedAboveBytes = 4 * 1024 * 1024;

export interface ReceivedSnapshot {
  /** The MsgSnap; its snapshot's index, term and configuration are those of the state in the file. */
  readonly message: Message;
  /** The file's content; to be read before the receiver's promise resolves. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

export class SnapshotSpool {
  readonly socket: Socket;
  readonly #path: string;
  readonly #file: Promise<FileHandle>;
  #message: Message | undefined;
  #written: Promise<unknown>;
  #waitingBytes = 0;
  #checksum = 0;
  #finishing = false;

  constructor(path: string, socket: Socket) {
    this.#path = path;
    this.socket = socket;
    this.#file = open(path, "w", 0o600);
    this.#written = this.#file;
    // A failure is found by `finish`.
    this.#written.catch(() => undefined);
  }

  /** True once all has arrived: the connection's end no longer matters. */
  get finishing(): boolean {
    return this.#finishing;
  }

  begin(message: Message): void {
    if (message.type !== "MsgSnap" || message.snapshot === undefined || this.#message !== undefined) {
      throw new DecodeError(`${message.type} on a snapshot connection`);
    }
    this.#message = message;
  }

  chunk(bytes: Uint8Array): void {
    this.#checksum = crc32c(bytes, this.#checksum);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > pausedAboveBytes) this.socket.pause();
    this.#written = this.#written.then(async () => {
      await (await this.#file).appendFile(bytes);
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes <= pausedAboveBytes) this.socket.resume();
    });
    this.#written.catch(() => this.socket.destroy());
  }

  /** @throws DecodeError when something is missing, or the disk's error */
  async finish(checksum: Uint8Array): Promise<ReceivedSnapshot> {
    this.#finishing = true;
    await this.#written;
    const message = this.#message;
    if (message === undefined) throw new DecodeError("a snapshot without its message");
    const sent = new DataView(checksum.buffer, checksum.byteOffset, checksum.byteLength).getUint32(0, true);
    if (sent !== this.#checksum) throw new DecodeError("the snapshot's checksum does not match");
    assert(this.#waitingBytes === 0, "all chunks are in the file");
    return { message, chunks: () => createReadStream(this.#path, { highWaterMark: 256 * 1024 }) };
  }

  /** Deletes the file. */
  async close(): Promise<void> {
    await this.#written.catch(() => undefined);
    const file = await this.#file.catch(() => undefined);
    await file?.close();
    await rm(this.#path, { force: true });
  }
}
