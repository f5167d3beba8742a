import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";

/** `etcdctl` that goes on until it is told to stop. */
export class EtcdctlSession {
  readonly ended: Promise<{ readonly code: number | null }>;
  readonly #child: ChildProcessWithoutNullStreams;
  #text = "";
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[]) {
    this.#child = spawn("etcdctl", args, { env: { PATH: process.env["PATH"], ETCDCTL_API: "3" }, timeout: 60_000 });
    const take = (part: Buffer): void => {
      this.#text += part.toString();
      for (const look of this.#waiting) look();
    };
    this.#child.stdout.on("data", take);
    this.#child.stderr.resume(); // warnings of the client
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject).once("close", (code) => {
        this.#isOver = true;
        for (const look of this.#waiting) look();
        resolve({ code });
      });
    });
  }

  /** All it has printed, warnings aside. */
  get text(): string {
    return this.#text;
  }

  type(input: string): void {
    this.#child.stdin.write(input);
  }

  /** Rejects when it ends before the condition holds. */
  until(condition: (text: string) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const holds = condition(this.#text);
        if (!holds && !this.#isOver) return;
        this.#waiting.delete(look);
        if (holds) resolve();
        else reject(new Error(`etcdctl has ended, having printed: ${this.#text}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** As Ctrl-C does: locks and leases are given back. */
  async end(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.ended;
  }
}
