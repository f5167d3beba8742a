/**
 * The replicated state machine of one process: applies in memory, and writes its whole state to disk now and then, far
 * behind; so the log before it can go, and others get snapshots. The file is replaced by a new one under another name.
 */
import type { ConfState, Entry } from "@triarch/raft";
import type { LogPosition, OutgoingSnapshot, SnapshotMeta, StateMachine } from "@triarch/raft-node";
import type { WalDisk } from "@triarch/wal";
import type { SimProcess } from "../world/process.ts";
import { never } from "../world/process.ts";
import { decodeWrite, KvState } from "./kv-state.ts";
import type { Observer } from "./observer.ts";

const fileName = "state";
const newFileName = "state.new";

export class KvMachine implements StateMachine {
  readonly #process: SimProcess;
  readonly #disk: WalDisk;
  readonly #observer: Observer;
  readonly #onProgress: () => void;
  #state: KvState;
  #durable: Uint8Array;
  #durableIndex: number;
  /** Writes to disk come one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  private constructor(parts: MachineParts, state: KvState) {
    this.#process = parts.process;
    this.#disk = parts.disk;
    this.#observer = parts.observer;
    this.#onProgress = parts.onProgress;
    this.#state = state;
    this.#durable = state.encode();
    this.#durableIndex = state.index;
  }

  /** Reads what an earlier process left. */
  static async open(parts: MachineParts): Promise<KvMachine> {
    const names = await parts.disk.list();
    if (names.includes(newFileName)) await parts.disk.remove(newFileName);
    if (!names.includes(fileName)) return new KvMachine(parts, new KvState());
    await parts.disk.syncDirectory(); // A killed process may not have come to it.
    const file = await parts.disk.open(fileName, "read");
    const content = await file.read();
    await file.close();
    return new KvMachine(parts, KvState.decode(content));
  }

  get state(): KvState {
    return this.#state;
  }

  apply(entries: readonly Entry[], position: LogPosition): void {
    if (!this.#process.crashPoint("before apply")) return;
    this.#observer.onApply?.(this.#process, this.#state, entries, position);
    for (const entry of entries) {
      this.#state.mix(entry);
      this.#state.write(decodeWrite(entry.data), entry.index);
      this.#state.moveTo(entry.index, entry.term);
      this.#observer.onEntryApplied?.(this.#process, this.#state, entry);
    }
    this.#state.moveTo(position.index, position.term);
    this.#onProgress();
  }

  confChanged(confState: ConfState, entry: Entry, _context: Uint8Array): void {
    if (!this.#process.crashPoint("before change of membership")) return;
    this.#observer.onApply?.(this.#process, this.#state, [entry], entry);
    this.#state.mix(entry);
    this.#state.moveTo(entry.index, entry.term);
    this.#observer.onEntryApplied?.(this.#process, this.#state, entry);
    this.#observer.onConfChanged?.(this.#process, entry.index, confState);
    this.#onProgress();
  }

  durableIndex(): number {
    return this.#durableIndex;
  }

  /** Writes the state as it is now, unless there is nothing new or a write is under way. */
  async flush(): Promise<void> {
    if (this.#isWriting || this.#state.index === this.#durableIndex) return;
    const { index } = this.#state;
    await this.#write(this.#state.encode(), index);
  }

  snapshotStream(): OutgoingSnapshot {
    const isNewest = this.#process.world.chance(0.3);
    const bytes = isNewest ? this.#state.encode() : this.#durable;
    const { index, term } = isNewest ? this.#state : KvState.decode(this.#durable);
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 2000) yield bytes.subarray(at, at + 2000);
    };
    return { index, term, chunks: pieces() };
  }

  async installSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    const content = new Uint8Array(Buffer.concat(pieces));
    const state = KvState.decode(content);
    await this.#write(content, state.index);
    if (!this.#process.crashPoint("after installation")) return never();
    this.#state = state;
    this.#observer.onInstalled?.(this.#process, meta, state);
    this.#onProgress();
  }

  /** After those that were begun before. */
  #write(content: Uint8Array, index: number): Promise<void> {
    const write = async (): Promise<void> => {
      this.#isWriting = true;
      const file = await this.#disk.open(newFileName, "create");
      await file.write(content, 0);
      await file.fdatasync();
      await file.close();
      await this.#disk.rename(newFileName, fileName);
      await this.#disk.syncDirectory();
      this.#durable = content;
      this.#durableIndex = index;
      this.#isWriting = false;
    };
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => undefined);
    return written;
  }
}

export interface MachineParts {
  readonly process: SimProcess;
  readonly disk: WalDisk;
  readonly observer: Observer;
  /** The state has moved. */
  readonly onProgress: () => void;
}
