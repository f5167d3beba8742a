// Runs only as a worker thread: see passwords.ts.
import { parentPort } from "node:worker_threads";
import { assertDefined } from "@triarch/base";
import bcrypt from "bcryptjs";
import type { PasswordJob, PasswordResult } from "./passwords.ts";

const parent = assertDefined(parentPort, "password-worker.ts runs only as a worker thread");

parent.on("message", ({ id, job }: { readonly id: number; readonly job: PasswordJob }) => {
  parent.postMessage(run(id, job));
});

function run(id: number, job: PasswordJob): PasswordResult {
  try {
    // Go writes 2a; bcryptjs' 2b is the same hash under a newer name, which Go's reader takes too.
    if (job.kind === "hash") return { id, value: bcrypt.hashSync(job.password, job.cost).replace(/^\$2b\$/, "$2a$") };
    return { id, value: isBcrypt(job.hash) && bcrypt.compareSync(job.password, job.hash) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

function isBcrypt(hash: string): boolean {
  return /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash);
}
