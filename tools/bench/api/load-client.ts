// The bench's end of the load process.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { FromLoad, LoadOrder, LoadTargets, ResultOf, ToLoad } from "./protocol.ts";

const program = join(import.meta.dirname, "load-process.ts");

export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #orders = 0;

  constructor(targets: LoadTargets) {
    this.#child = fork(program, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message: FromLoad) => this.#hear(message));
    this.#child.once("exit", (code, signal) => {
      const error = new Error(`the load process ended: ${signal ?? `code ${code}`}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#tell({ kind: "targets", targets });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error saying what went wrong, a refused request for example */
  async run<O extends LoadOrder>(order: O): Promise<ResultOf[O["kind"]]> {
    const id = this.#orders++;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#tell({ kind: "order", id, order });
    return (await answer.promise) as ResultOf[O["kind"]];
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.disconnect();
    await gone;
  }

  #tell(message: ToLoad): void {
    this.#child.send(message);
  }

  #hear(message: FromLoad): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === "done") waiting?.resolve(message.result);
    else waiting?.reject(new Error(message.message));
  }
}
