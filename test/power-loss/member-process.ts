/** The tests' end of a member's process. It lives from `start()` to `kill()`; whatever else ends it is a finding. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { MemberAnswer, MemberConfig, MemberOrder, MemberReport } from "./protocol.ts";
import { Violation } from "./violation.ts";

const startTimeoutMs = 120_000;

interface Waiting {
  readonly resolve: (answer: MemberAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** The member did not do it, or nobody knows. For a write: its fate is open. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export class MemberProcess {
  readonly config: MemberConfig;
  readonly #onFound: (violation: Violation) => void;
  #child: ChildProcess | undefined;
  #started = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #orders = 0;

  /** @param onFound called when the process ends by itself, or breaks over a request */
  constructor(config: MemberConfig, onFound: (violation: Violation) => void) {
    this.config = config;
    this.#onFound = onFound;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Begins to start; `started` tells the end of that. */
  start(): void {
    const child = fork(join(import.meta.dirname, "member.ts"), [JSON.stringify(this.config)]);
    this.#child = child;
    this.#started = Promise.withResolvers();
    this.#started.promise.catch(() => undefined); // nobody may be waiting yet
    const timer = setTimeout(() => {
      this.#started.reject(
        new Violation("noProgress", `${this.config.name} did not start in ${startTimeoutMs / 1000} s`),
      );
    }, startTimeoutMs);
    void this.#started.promise.catch(() => undefined).then(() => clearTimeout(timer));
    let lastWord = "";
    child.on("message", (report: MemberReport) => {
      if (this.#child !== child) return;
      if (report.kind === "started") this.#started.resolve();
      else if (report.kind === "answer") this.#take(report.id)?.resolve(report.answer);
      else if (report.kind === "noAnswer") this.#notAnswered(report.id, report.error, report.isBug);
      else lastWord = `${report.kind}: ${report.error}`;
    });
    child.once("close", (code, signal) => {
      if (this.#child !== child) return; // killed by us
      this.#ended(lastWord === "" ? `it ended with ${signal ?? `code ${code ?? -1}`}` : lastWord);
      this.#gone();
    });
  }

  /** @throws Violation "memberRefused" | "noProgress" */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** @throws NoAnswer */
  ask(order: MemberOrder): Promise<MemberAnswer> {
    const child = this.#child;
    if (child === undefined) return Promise.reject(new NoAnswer(`${this.config.name} does not run`));
    const id = (this.#orders += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      child.send({ id, order }, (error) => {
        if (error !== null) this.#notAnswered(id, error.message, false);
      });
    });
  }

  /** Stops it where it stands; what the kernel does for it goes on. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#gone();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "exit");
    child.kill("SIGKILL");
    await closed;
  }

  #gone(): void {
    this.#child = undefined;
    this.#started.reject(new NoAnswer(`${this.config.name} was killed before it had started`));
    const open = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of open) reject(new NoAnswer(`${this.config.name} is gone`));
  }

  #ended(why: string): void {
    const checker = why.startsWith("refused") ? "memberRefused" : "memberFailed";
    const violation = new Violation(checker, `${this.config.name}: ${why}`);
    this.#started.reject(violation);
    this.#onFound(violation);
  }

  #notAnswered(id: number, error: string, isBug: boolean): void {
    if (isBug) this.#onFound(new Violation("memberFailed", `${this.config.name} refuses with ${error}`));
    this.#take(id)?.reject(new NoAnswer(error));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
