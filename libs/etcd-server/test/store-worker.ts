import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { assertDefined } from "@triarch/base";
import { createLogger } from "@triarch/telemetry";
import { serveStore, startStore, type StoreOptions } from "../src/index.ts";

/** The store thread of one member, as a master runs it: ended from outside by a message, or killed. */
export interface StoreWorkerData {
  readonly options: Omit<StoreOptions, "logger" | "onFatal">;
  readonly port: MessagePort;
  readonly logLevel: string;
}

const { options, port, logLevel } = workerData as StoreWorkerData;
const parent = assertDefined(parentPort, "this runs in a worker");
const running = await startStore({
  ...options,
  logger: createLogger({ component: options.name, levels: logLevel }),
  onFatal: (error) => {
    throw error;
  },
});
const served = serveStore(port, running.server);
parent.once("message", () => {
  void running.close().then(() => {
    served.close();
    parent.postMessage("closed");
    parent.unref();
  });
});
parent.postMessage("started");
