// The process that keeps a local cluster's processes running. Started by `triarch up`; takes orders over a unix socket;
// leaves pids and start times in a file, so that `triarch down` can end what a killed supervisor left behind.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRegistry, Gauge } from "@triarch/telemetry";
import { SupervisedProcess } from "./child-process.ts";
import { processStartTime, type RunningProcess } from "./running-process.ts";
import { stopOrder, type ProcessSpec, type SupervisorPlan } from "./process-spec.ts";

export interface SupervisorState {
  readonly supervisor: RunningProcess;
  readonly processes: readonly RunningProcess[];
}

/** Runs until it is told to stop, by the socket, a signal, or the end of the process that started it. */
export async function runSupervisor(planFile: string): Promise<void> {
  const plan = JSON.parse(readFileSync(planFile, "utf8")) as SupervisorPlan;
  const finished = Promise.withResolvers<void>();
  const say = (line: string): void => {
    console.error(`${new Date().toISOString()} ${line}`);
    if (process.connected) process.send?.({ line });
  };
  const processes = new Map<string, SupervisedProcess>();
  const writeState = (): void => {
    const running = [...processes.values()].flatMap(({ status }) =>
      status.pid === undefined
        ? []
        : [{ name: status.name, pid: status.pid, startTime: processStartTime(status.pid) ?? "" }],
    );
    const own = { name: "supervisor", pid: process.pid, startTime: processStartTime(process.pid) ?? "" };
    const state: SupervisorState = { supervisor: own, processes: running };
    writeFileSync(plan.stateFile, JSON.stringify(state));
  };
  for (const spec of plan.processes) {
    processes.set(spec.name, new SupervisedProcess(spec, plan.logFolder, { say, changed: writeState }));
  }

  let stopping: Promise<void> | undefined;
  const stop = (why: string): Promise<void> => {
    stopping ??= (async () => {
      say(`stopping everything: ${why}`);
      for (const group of stopOrder) {
        await Promise.all([...processes.values()].filter((one) => one.spec.group === group).map((one) => one.stop()));
      }
      server.close();
      server.closeAllConnections();
      rmSync(plan.socket, { force: true });
      rmSync(plan.stateFile, { force: true });
      if (process.connected) process.disconnect?.(); // the channel would keep this process alive
      finished.resolve();
    })();
    return stopping;
  };

  const registry = createRegistry("supervisor");
  new Gauge({
    name: "supervisor_process_restarts",
    help: "restarts since the supervisor started",
    labelNames: ["process"],
    registers: [registry],
    collect() {
      for (const one of processes.values()) this.set({ process: one.spec.name }, one.status.restarts);
    },
  });
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const orders: Readonly<Record<string, (one: SupervisedProcess) => unknown>> = {
    hold: (one) => one.hold(),
    start: (one) => one.start(),
    stop: (one) => one.stop(),
    remove: (one) => one.stop(),
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, order = "", name = ""] = (request.url ?? "").split("/");
    const json = (code: number, body: unknown): void => {
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (order === "livez" || order === "readyz") return void response.end("ok");
    if (order === "metrics")
      return void response.setHeader("content-type", registry.contentType).end(await registry.metrics());
    if (order === "status")
      return json(
        200,
        [...processes.values()].map((one) => one.status),
      );
    if (order === "shutdown") {
      json(202, {});
      return stop("asked to");
    }
    if (order === "add" && request.method === "POST") {
      const spec = (await jsonOf(request)) as ProcessSpec;
      if (processes.has(spec.name)) return json(409, { message: `there is a process ${spec.name}` });
      const added = new SupervisedProcess(spec, plan.logFolder, { say, changed: writeState });
      processes.set(spec.name, added);
      added.start();
      return json(200, added.status);
    }
    const carryOut = orders[order];
    const one = processes.get(name);
    if (carryOut === undefined || one === undefined) return json(404, { message: `no order "${order}" for "${name}"` });
    await carryOut(one);
    if (order === "remove") processes.delete(name);
    writeState();
    json(200, one.status);
  }

  rmSync(plan.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(plan.socket, resolve);
  });
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
  // The program that started it may end without it only after it said so.
  let onItsOwn = false;
  process.on("message", (message: { readonly detach?: boolean }) => {
    onItsOwn ||= message.detach === true;
    if (onItsOwn) process.disconnect?.();
  });
  process.once("disconnect", () => {
    if (!onItsOwn) void stop("the program that started it is gone");
  });
  writeState();
  for (const one of processes.values()) one.start();
  if (process.connected) process.send?.({ ready: true });
  await finished.promise;
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
