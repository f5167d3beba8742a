// The write-ahead log seen from outside: `triarch wal inspect` prints its records, `triarch wal verify` checks them. Both
// only read, and may look at a member that runs; the tail may then move while they look.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nodeWalDisk, verifyWal, WalError, walRecords, type WalDisk, type WalRecord } from "@triarch/wal";
import { isCode } from "../cluster/cluster-spec.ts";
import { CommandFailure } from "../errors.ts";
import { renderTable } from "../output/table.ts";
import { describeEntry, type EntryDescription } from "../wal/describe-entry.ts";

export interface WalInspectOptions {
  readonly from?: number;
  readonly limit?: number;
  readonly output?: "json";
}

/** Wide enough for what a log usually holds; a longer cell moves only its own line. */
const widths = [8, 10, 11, 10, 6, 9, 18] as const;
const headings = ["SEGMENT", "OFFSET", "KIND", "INDEX", "TERM", "BYTES", "REQUEST", "KEY"] as const;
/** Lines written at once. */
const linesMax = 512;

export async function walInspectCommand(dir: string, options: WalInspectOptions): Promise<number> {
  const disk = walDiskIn(dir);
  const json = options.output === "json";
  const line = json ? jsonLine : tableLine;
  let lines = json ? [] : [tableRow(headings)];
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  try {
    if (left > 0) {
      for await (const record of walRecords(disk, { fromIndex: options.from ?? 0 })) {
        lines.push(line(record));
        if (lines.length >= linesMax) lines = await print(lines);
        if (--left <= 0) break;
      }
    }
  } catch (error) {
    if (isCode(error, "EPIPE")) return 0; // `| head` has what it wanted
    await print(lines);
    throw failureOf(error);
  }
  await print(lines);
  return 0;
}

export async function walVerifyCommand(dir: string, options: { readonly output?: "json" }): Promise<number> {
  const disk = walDiskIn(dir);
  const summary = await verifyWal(disk).catch((error: unknown) => {
    throw failureOf(error);
  });
  const { metadata, hardState, snapshot, tear, ...counts } = summary;
  const ids = { cluster: metadata.clusterId.toString(16), member: metadata.memberId.toString(16) };
  if (options.output === "json") {
    const state = { ...hardState, vote: hardState.vote.toString(16) };
    const { index, term } = snapshot;
    const shown = { directory: disk.directory, ...ids, ...counts, hardState: state, snapshot: { index, term }, tear };
    console.log(JSON.stringify(shown, undefined, 2));
    return 0;
  }
  const range = counts.entries === 0 ? "none" : `${counts.entries}, ${counts.firstIndex} to ${counts.lastIndex}`;
  const rows: [string, string][] = [
    ["log", disk.directory],
    ["cluster, member", `${ids.cluster}, ${ids.member}`],
    ["segments", `${counts.segments}, ${counts.bytes} bytes`],
    ["entries", range],
    ["term, commit", `${hardState.term}, ${hardState.commit}`],
    ["snapshot", `${snapshot.index} of term ${snapshot.term}`],
    [
      "result",
      tear === undefined ? "every byte checks out" : `${tear.droppedBytes} bytes of an unfinished write at its end`,
    ],
  ];
  console.log(renderTable(["CHECKED", "FOUND"], rows));
  if (tear !== undefined) {
    console.log(
      `\n${tear.file} at byte ${tear.offset}: a write that a crash cut short, or that a running member is making now. ` +
        "Opening the log cuts it off; nobody was told that it was written.",
    );
  }
  return 0;
}

/** `dir` itself, or the log of the member or the data directory that it is. */
function walDiskIn(dir: string): WalDisk {
  const found = [join(dir, "member", "wal"), join(dir, "wal")].find((inner) => existsSync(inner));
  return nodeWalDisk(found ?? dir);
}

function failureOf(error: unknown): unknown {
  if (!(error instanceof WalError)) return error;
  const remedy =
    error.failure === "missing" ? { remedy: "name a master's data directory, its member/ or its wal/" } : {};
  return new CommandFailure(error.message, { ...remedy, cause: error });
}

function tableLine(record: WalRecord): string {
  const { index, term, request, subject } = columnsOf(record);
  const sequence = String(parseInt(record.segment, 16));
  const numbers = [index === undefined ? "" : String(index), term === undefined ? "" : String(term)];
  return tableRow([sequence, String(record.offset), record.kind, ...numbers, String(record.bytes), request, subject]);
}

function tableRow(cells: readonly string[]): string {
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join(" ")
    .trimEnd();
}

function jsonLine(record: WalRecord): string {
  const { segment, offset, kind, bytes } = record;
  const { index, term, request, subject } = columnsOf(record);
  const about = request === "" ? {} : { request, ...(subject === "" ? {} : { subject }) };
  return JSON.stringify({ segment, offset, kind, index, term, bytes, ...about });
}

interface Columns extends EntryDescription {
  readonly index: number | undefined;
  readonly term: number | undefined;
}

function columnsOf(record: WalRecord): Columns {
  switch (record.kind) {
    case "entry":
      return { index: record.entry.index, term: record.entry.term, ...describeEntry(record.entry) };
    case "hardState": {
      const { term, vote, commit } = record.hardState;
      return { index: commit, term, request: "", subject: vote === 0n ? "" : `vote ${vote.toString(16)}` };
    }
    case "snapshot":
    case "installing": {
      const { index, term, confState } = record.snapshot;
      const ids = (members: readonly bigint[]): string => members.map((id) => id.toString(16)).join(",");
      const learners = confState.learners.length === 0 ? "" : ` learners ${ids(confState.learners)}`;
      return { index, term, request: "", subject: `voters ${ids(confState.voters)}${learners}` };
    }
    case "segment": {
      const { clusterId, memberId, firstIndex } = record.header;
      const subject = `cluster ${clusterId.toString(16)} member ${memberId.toString(16)}`;
      return { index: firstIndex, term: undefined, request: "", subject };
    }
    case "seal":
      return { index: undefined, term: undefined, request: "", subject: `segment ${record.nextSequence} follows` };
    case "tear":
      return { index: undefined, term: undefined, request: "", subject: "a write that is not finished" };
  }
}

/** Waits while the reader is slower. @returns an empty list @throws Error with `code` EPIPE when the reader has gone */
async function print(lines: readonly string[]): Promise<string[]> {
  if (lines.length === 0) return [];
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => undefined); // each write tells it
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(`${lines.join("\n")}\n`, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    );
  });
  return [];
}
