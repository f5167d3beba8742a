/** One member: its machine with a disk that outlives processes, and the process that runs on it now, if any. */
import { seededRng } from "@triarch/base";
import type { MemberId, Message } from "@triarch/raft";
import { startRaftNode } from "@triarch/raft-node";
import type { RaftNode, RaftNodeOptions } from "@triarch/raft-node";
import { silentLogger } from "@triarch/telemetry";
import { openWal } from "@triarch/wal";
import type { WalReplay } from "@triarch/wal";
import { SimDirectory } from "../world/directory.ts";
import { DiskFaults } from "../world/disk-faults.ts";
import type { Network } from "../world/network.ts";
import { SimProcess } from "../world/process.ts";
import { SimTransport } from "../world/transport.ts";
import type { Coverage } from "./coverage.ts";
import { KvMachine } from "./kv-machine.ts";
import type { Observer, Speaker } from "./observer.ts";
import type { Report } from "../checkers/report.ts";

export const clusterId = 0xc1n;

export interface MemberOptions {
  readonly id: MemberId;
  readonly network: Network;
  readonly observer: Observer;
  readonly coverage: Coverage;
  readonly report: Report;
  readonly raft: Pick<RaftNodeOptions, "initialMembers" | "join" | "timing" | "limits" | "segmentSizeBytes">;
  /** The state of the running process has moved. */
  readonly onProgress: (member: Member) => void;
  readonly onRefused: (payloads: readonly Uint8Array[]) => void;
  /** The process is gone; what it was asked may have happened or not. */
  readonly onProcessEnded: (member: Member) => void;
}

/** How a process ends: alone, with the machine's power, or by itself because it could not go on. */
export type CrashKind = "kill" | "powerCut" | "exit";

/** Process of a member: `ruined` never runs again, its log cannot be trusted. */
export type MemberState = "stopped" | "starting" | "running" | "ruined";

export class Member implements Speaker {
  readonly id: MemberId;
  readonly disk: DiskFaults;
  readonly #options: MemberOptions;
  readonly #log: SimDirectory;
  readonly #stateFiles: SimDirectory;
  #state: MemberState = "stopped";
  #process: SimProcess;
  #node: RaftNode | undefined;
  #machine: KvMachine | undefined;
  #incarnations = 0;
  /** Somebody flipped a bit of what was synced. */
  #isDamaged = false;
  /** How a crash that comes by itself happens. */
  crashKind: CrashKind = "kill";

  constructor(options: MemberOptions) {
    this.#options = options;
    this.id = options.id;
    this.disk = new DiskFaults(options.network.world);
    this.#log = new SimDirectory(`member-${options.id.toString()}/wal`, this.disk);
    this.#stateFiles = new SimDirectory(`member-${options.id.toString()}/state`, this.disk);
    this.#process = this.#newProcess();
  }

  get state(): MemberState {
    return this.#state;
  }

  get process(): SimProcess {
    return this.#process;
  }

  /** Undefined unless running. */
  get node(): RaftNode | undefined {
    return this.#node;
  }

  get machine(): KvMachine | undefined {
    return this.#machine;
  }

  get log(): SimDirectory {
    return this.#log;
  }

  /** In the newest segment: what an older one may lack is its seal, which says nothing that the newer one does not. */
  get hasUnsyncedLog(): boolean {
    const newest = [...this.#log.files.keys()]
      .filter((name) => name.endsWith(".wal"))
      .sort()
      .at(-1);
    return newest !== undefined && this.#log.files.get(newest)?.hasUnsyncedData === true;
  }

  async readLog(view: "seen" | "durable"): Promise<WalReplay> {
    const disk = this.#log.copy(view);
    const { wal, replay } = await openWal({ disk, metadata: { clusterId, memberId: this.id } });
    await wal.close();
    return replay;
  }

  /** Starts a process on what the disk holds. */
  async start(): Promise<void> {
    if (this.#state !== "stopped") return;
    const { coverage, network } = this.#options;
    this.#state = "starting";
    const process = (this.#process = this.#newProcess());
    network.world.trace(`${this.#name} starts`);
    if ([...this.#log.files.keys()].some((name) => name.endsWith(".wal"))) {
      coverage.add("restarts");
      const log = await this.readLog("seen").catch((error: Error) => error);
      if (log instanceof Error) return this.#refused(log);
      if (this.#isDamaged) this.#options.report("damageRefused", `${this.#name} opens a damaged log`);
      if (log.repair !== undefined) coverage.add("tornTailsRepaired");
      this.#options.observer.onLogFound?.(this.id, log);
    }
    try {
      await this.#run(process);
    } catch (error) {
      if (process.alive) this.#failed(error as Error);
    }
  }

  async #run(process: SimProcess): Promise<void> {
    const { network, observer, raft } = this.#options;
    const onProgress = (): void => {
      if (process.alive) this.#options.onProgress(this);
    };
    const disk = this.#stateFiles.openedBy(process);
    const machine = await KvMachine.open({ process, disk, observer, onProgress });
    const node = await startRaftNode({
      ...raft,
      ...{ id: this.id, clusterId, dir: `member-${this.id.toString()}`, listen: { host: "", port: 0 } },
      ...{ stateMachine: machine, clock: process, timers: process, walDisk: this.#log.openedBy(process) },
      rng: seededRng(network.world.rng.int(2 ** 32)),
      transport: (_options, handlers) => new SimTransport({ process, network, handlers, onSend: this.#onSend }),
      logger: silentLogger,
      onFatal: (error) => {
        if (process.alive) this.#failed(error);
      },
      onProposalsRefused: (payloads) => {
        if (process.alive) this.#options.onRefused(payloads);
      },
    });
    if (!process.alive) return;
    this.#machine = machine;
    this.#node = node;
    this.#state = "running";
    network.world.trace(`${this.#name} runs at ${machine.state.index}`);
    const flush = (): void => {
      process.after(network.world.between(100, 1500), () => {
        machine.flush().then(flush, (error: Error) => this.#failed(error));
      });
    };
    flush();
  }

  readonly #onSend = (messages: readonly Message[]): void => {
    this.#options.observer.onSend?.(this, messages);
  };

  /** Ends the process, and what a power cut takes is gone. */
  crash(kind: CrashKind): void {
    if (this.#state !== "running" && this.#state !== "starting") return;
    const { network, coverage } = this.#options;
    const { world } = network;
    this.#process.end();
    this.#node = undefined;
    this.#machine = undefined;
    this.#state = "stopped";
    network.ended(this.#process, kind === "powerCut");
    if (kind === "powerCut") {
      const chance = (probability: number): boolean => world.chance(probability);
      const int = (bound: number): number => world.rng.int(bound);
      this.#log.powerLost(chance, int);
      this.#stateFiles.powerLost(chance, int);
    }
    if (kind !== "exit") coverage.add(kind === "kill" ? "kills" : "powerCuts");
    world.trace(`${this.#name} ends: ${kind}`);
    this.#options.onProcessEnded(this);
  }

  /** Hands leadership over and ends in order. */
  async stop(): Promise<void> {
    const process = this.#process;
    try {
      await this.#node?.stop({ handOver: true });
      if (process.alive) this.crash("exit");
    } catch (error) {
      if (process.alive) this.#failed(error as Error);
    }
  }

  /** For a stopped member: damages a byte of the log that was synced. @returns false when there is none */
  damageLog(): boolean {
    const { world } = this.#options.network;
    if (this.#state !== "stopped" || this.#log.hasUnsyncedData) return false;
    const used = [...this.#log.files].filter(([name]) => name.endsWith(".wal"));
    const [name, inode] = world.pick(used) ?? [];
    if (name === undefined || inode === undefined) return false;
    const length = inode.content.findLastIndex((byte) => byte !== 0) + 1;
    if (length === 0) return false;
    const offset = world.rng.int(length);
    inode.flipBit(offset, world.rng.int(8));
    this.#isDamaged = true;
    this.#options.coverage.add("logsDamaged");
    world.trace(`${this.#name} is damaged: ${name} at ${offset}`);
    return true;
  }

  get #name(): string {
    return `member ${this.id.toString()}.${this.#incarnations}`;
  }

  #newProcess(): SimProcess {
    const { world } = this.#options.network;
    this.#incarnations += 1;
    return new SimProcess(world, this.id, this.#incarnations, (name) => {
      world.trace(`${this.#name} crashes ${name}`);
      this.#options.coverage.add("crashesInsideWrites");
      this.crash(this.crashKind);
    });
  }

  /** A log that does not open: after damage that is right, and the member must be replaced. */
  #refused(error: Error): void {
    this.crash("exit");
    if (!this.#isDamaged) this.#options.report("undamagedLogOpens", `${this.#name}: ${error.message}`);
    this.#options.coverage.add("walRefusals");
    this.#state = "ruined";
    this.#options.network.world.trace(`${this.#name} is refused: ${error.message}`);
  }

  /** The node cannot go on: right where the disk failed, a bug anywhere else. */
  #failed(error: Error): void {
    const { network, coverage, report } = this.#options;
    network.world.trace(`${this.#name} fails: ${error.message}`);
    this.crash("exit");
    const code = systemCode(error);
    if (code === "ENOSPC") coverage.add("diskFull");
    else if (code === "EIO") {
      coverage.add("syncFailures");
      this.#state = "ruined";
    } else report("memberSurvives", `${this.#name}: ${error.stack ?? error.message}`);
  }
}

function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return "code" in error ? String(error.code) : systemCode(error.cause);
}
