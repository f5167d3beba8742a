import { Worker } from "node:worker_threads";
import { EtcdServerError } from "../server/errors.ts";

/** Hashes and comparisons under way; past it "too many requests". One takes about a tenth of a second. */
export const passwordsPendingMax = 64;
/** bcrypt's work factor, as etcd's default: 2^10 rounds. Stored hashes carry their own. */
const bcryptCost = 10;

export type PasswordJob =
  | { readonly kind: "hash"; readonly password: string; readonly cost: number }
  | { readonly kind: "compare"; readonly password: string; readonly hash: string };
export type PasswordResult = { readonly id: number } & (
  { readonly value: string | boolean } | { readonly error: string }
);

interface Waiting {
  readonly resolve: (value: string | boolean) => void;
  readonly reject: (error: Error) => void;
}

/**
 * bcrypt on a thread of its own, since each password costs as much as thousands of requests. The thread starts with the
 * first password and keeps no process alive.
 */
export class Passwords {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;
  #closed = false;

  /** @throws EtcdServerError "tooManyRequests" | "stopped" */
  async hash(password: string): Promise<string> {
    return (await this.#run({ kind: "hash", password, cost: bcryptCost })) as string;
  }

  /** @param hash as bcrypt writes it; anything else matches nothing. @throws as `hash` */
  async matches(password: string, hash: string): Promise<boolean> {
    return (await this.#run({ kind: "compare", password, hash })) as boolean;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#failAll(new EtcdServerError({ code: "stopped" }));
    await this.#worker?.terminate();
  }

  async #run(job: PasswordJob): Promise<string | boolean> {
    if (this.#closed) throw new EtcdServerError({ code: "stopped" });
    if (this.#waiting.size >= passwordsPendingMax) throw new EtcdServerError({ code: "tooManyRequests" });
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, job });
    });
  }

  #start(): Worker {
    const file = import.meta.url.endsWith(".ts") ? "password-worker.ts" : "password-worker.js";
    const worker = new Worker(new URL(file, import.meta.url), { name: "passwords" });
    worker.unref();
    worker.on("message", (result: PasswordResult) => {
      const waiting = this.#waiting.get(result.id);
      this.#waiting.delete(result.id);
      if ("value" in result) waiting?.resolve(result.value);
      else waiting?.reject(new Error(result.error));
    });
    worker.once("error", (error: unknown) => this.#lost(worker, error));
    worker.once("exit", (code) => this.#lost(worker, new Error(`the password thread ended with code ${code}`)));
    return worker;
  }

  /** The next password starts a new one. */
  #lost(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#failAll(error instanceof Error ? error : new Error(String(error)));
  }

  #failAll(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }
}
