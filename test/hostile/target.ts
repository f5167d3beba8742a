// What hostile input is thrown at: `triarch api` as a process, over plain HTTP so that not one byte is changed on the
// way. After each attack the server must be alive, must serve, and must not have grown past its bound.
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Test } from "tap";
import { Agent, request } from "undici";
import { adminToken, startApiProcess } from "../support/api-process.ts";

/** Most resident memory that the server may ever have had. */
export const peakMemoryMax = 768 * 1024 * 1024;
/** An answer must come within this; it bounds time under load, it does not measure it. */
const answerTimeoutMs = 25_000;

export interface Attack {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly statusCode: number;
  readonly text: string;
  readonly status: {
    readonly kind?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly code?: number;
  };
}

export interface Target {
  readonly port: number;
  readonly send: (attack: Attack) => Promise<Answer>;
  /** The bytes as they are, on a connection of their own. @returns what came back until the server closed */
  readonly sendRaw: (bytes: string | Uint8Array) => Promise<string>;
  readonly peakMemory: () => Promise<number>;
  readonly close: () => Promise<void>;
}

export const maps = "/api/v1/namespaces/default/configmaps";
export const authorization = `Bearer ${adminToken}`;

export async function startTarget(): Promise<Target> {
  const server = await startApiProcess("--plain-http");
  const agent = new Agent({ headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs });
  return {
    port: server.port,
    send: (attack) => send(server.url, agent, attack),
    sendRaw: (bytes) => sendRaw(server.port, bytes),
    peakMemory: () => peakMemory(server.pid),
    close: async () => {
      await agent.destroy();
      await server.close();
    },
  };
}

/** @throws AssertionError through `t` unless the answer is one of `codes` with a Status that says why */
export async function refused(
  t: Test,
  target: Target,
  what: string,
  attack: Attack,
  ...codes: number[]
): Promise<void> {
  const answer = await target.send(attack);
  const told = `${what}: ${answer.statusCode} ${answer.status.reason ?? ""} ${answer.status.message ?? answer.text}`;
  t.ok(codes.includes(answer.statusCode), told.slice(0, 200));
  t.match(
    answer.status,
    { kind: "Status", status: "Failure", code: answer.statusCode, message: /./ },
    `${what}: a Status`,
  );
}

/** The server is alive, writes and reads, and has kept to its bound. */
export async function stillServes(t: Test, target: Target, after: string): Promise<void> {
  const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "alive-" } });
  const made = await target.send({ method: "POST", path: maps, body, contentType: "application/json" });
  t.equal(made.statusCode, 201, `after ${after} it serves`);
  const peak = await target.peakMemory();
  t.ok(peak <= peakMemoryMax, `after ${after} it had at most ${Math.round(peak / 1024 / 1024)} MiB`);
}

async function send(url: string, dispatcher: Agent, attack: Attack): Promise<Answer> {
  const { method = "GET", path, body, contentType, headers = {} } = attack;
  const answer = await request(url + path, {
    ...{ method, dispatcher },
    headers: { authorization, ...(contentType === undefined ? {} : { "content-type": contentType }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.body.text();
  return { statusCode: answer.statusCode, text, status: parsed(text) };
}

function parsed(text: string): Answer["status"] {
  try {
    return JSON.parse(text) as Answer["status"];
  } catch {
    return {};
  }
}

function sendRaw(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let got = "";
    socket.setEncoding("latin1").on("data", (text: string) => (got += text));
    socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error(`no end within ${answerTimeoutMs} ms: ${got}`)));
    // A server that refuses may reset what it does not want to read.
    socket.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? resolve(got) : reject(error),
    );
    socket.once("close", () => resolve(got));
    socket.write(bytes);
  });
}

/** VmHWM of the program and its children, in bytes; 0 where the system does not tell. */
async function peakMemory(pid: number): Promise<number> {
  const all = [pid, ...(await childrenOf(pid))];
  const peaks = await Promise.all(
    all.map(async (one) => {
      const text = await readFile(`/proc/${one}/status`, "utf8").catch(() => "");
      return Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024;
    }),
  );
  return Math.max(0, ...peaks);
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "")),
  );
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}
