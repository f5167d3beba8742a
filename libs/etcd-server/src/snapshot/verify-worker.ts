// The thread of `verifyInWorker`: one request, one answer.
import { parentPort, workerData } from "node:worker_threads";
import { assertDefined } from "@triarch/base";
import { verifySnapshot, type VerifyRequest } from "./verify-snapshot.ts";

const parent = assertDefined(parentPort, "verify-worker.ts runs only as a worker thread");
try {
  parent.postMessage(await verifySnapshot(workerData as VerifyRequest));
} catch (error) {
  parent.postMessage({ error: error instanceof Error ? error.message : String(error) });
}
