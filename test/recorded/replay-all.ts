// All recorded conversations against one `triarch api`, and the table of what came out equal.
import { Agent, request } from "undici";
import { adminToken, startApiProcess } from "../support/api-process.ts";
import type { FoundDifference } from "./allowed.ts";
import { compareAnswer, type DifferenceKind } from "./compare.ts";
import { readConversations, replay, type Send } from "./conversations.ts";

export interface Row {
  readonly exchanges: number;
  readonly equal: number;
  readonly differences: Readonly<Partial<Record<DifferenceKind, number>>>;
}

export interface ReplayResult {
  /** By group; `flow` by each of its flows. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly differences: readonly FoundDifference[];
}

const answerTimeoutMs = 30_000;
const kinds: readonly DifferenceKind[] = ["status", "reason", "causes", "body", "message"];

export async function replayAll(groupPrefix = ""): Promise<ReplayResult> {
  const server = await startApiProcess("--plain-http");
  const agent = new Agent({ connections: 1, pipelining: 1 });
  try {
    const rows = new Map<string, Row>();
    const differences: FoundDifference[] = [];
    await replay(readConversations(groupPrefix), sender(server.url, agent), (exchange, answer) => {
      const { group, step } = exchange;
      const difference = compareAnswer(exchange, answer);
      const key = rowName(group);
      rows.set(key, added(rows.get(key), difference?.kind));
      if (difference !== undefined) differences.push({ group, step, ...difference });
    });
    return { rows, differences };
  } finally {
    await agent.destroy();
    await server.close();
  }
}

function sender(url: string, dispatcher: Agent): Send {
  return async ({ method, path, contentType, accept, body }) => {
    const headers = {
      authorization: `Bearer ${adminToken}`,
      accept,
      "user-agent": "client/1.0",
      ...(body === undefined ? {} : { "content-type": contentType }),
    };
    const options = { method, headers, dispatcher, headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs };
    try {
      const answer = await request(url + path, { ...options, ...(body === undefined ? {} : { body }) });
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (error) {
      return { status: 0, text: String(error) };
    }
  };
}

function rowName(group: string): string {
  return group.startsWith("flow/") ? group : (group.split("/")[0] ?? group);
}

function added(row: Row | undefined, kind: DifferenceKind | undefined): Row {
  const { exchanges, equal, differences } = row ?? { exchanges: 0, equal: 0, differences: {} };
  if (kind === undefined) return { exchanges: exchanges + 1, equal: equal + 1, differences };
  return { exchanges: exchanges + 1, equal, differences: { ...differences, [kind]: (differences[kind] ?? 0) + 1 } };
}

/** One line a group, then the sum. */
export function tableText({ rows }: ReplayResult): readonly string[] {
  const line = (name: string, { exchanges, equal, differences }: Row): string => {
    const share = `${((100 * equal) / exchanges).toFixed(1)} %`;
    const parts = kinds.flatMap((kind) => (differences[kind] === undefined ? [] : [`${kind} ${differences[kind]}`]));
    return `${name.padEnd(36)} ${String(equal).padStart(5)} of ${String(exchanges).padStart(5)} ${share.padStart(8)}  ${parts.join(", ")}`.trimEnd();
  };
  const all = [...rows.values()].reduce((sum, row) => ({
    exchanges: sum.exchanges + row.exchanges,
    equal: sum.equal + row.equal,
    differences: Object.fromEntries(
      kinds.map((kind) => [kind, (sum.differences[kind] ?? 0) + (row.differences[kind] ?? 0)]),
    ),
  }));
  return [...[...rows].map(([name, row]) => line(name, row)), line("all", all)];
}
