// The kernel's rules in the current network namespace, through iptables-save and iptables-restore. One restore is one
// transaction per table: either all its lines hold or none.
import { runCommand, tryCommand, CommandError } from "@triarch/machine";

export type TableName = "nat" | "filter";

export interface TableText {
  readonly chains: readonly string[];
  readonly rules: readonly string[];
}

/** A jump from one of the kernel's own chains into ours. `rule` is as iptables-save prints it, without `-A CHAIN`. */
export interface Jump {
  readonly table: TableName;
  readonly chain: string;
  readonly rule: string;
}

/** How long to wait for other programs' lock, and for the command itself. */
const lockWaitSeconds = 10;
const commandTimeoutMs = 30_000;

/** A line that iptables refused, or a missing program. */
export class IptablesError extends Error {
  override readonly name = "IptablesError";
}

/** The lines of one table as iptables-save prints them. */
export async function saveTable(table: TableName): Promise<readonly string[]> {
  const text = await runCommand("iptables-save", ["-t", table], { timeoutMs: commandTimeoutMs });
  return text.split("\n");
}

/**
 * Replaces the content of the plan's chains, removes chains that `owns` claims but the plan lacks, and puts the jumps
 * where they are missing, in the order given, before what is there.
 * @throws IptablesError with the line that was refused; nothing of that table has changed
 */
export async function applyRules(options: {
  readonly tables: Readonly<Record<TableName, TableText>>;
  readonly jumps: readonly Jump[];
  readonly owns: (chain: string) => boolean;
}): Promise<void> {
  let text = "";
  for (const table of ["nat", "filter"] as const) {
    const wanted = options.tables[table];
    const present = await saveTable(table);
    const stale = chainsOf(present).filter((chain) => options.owns(chain) && !wanted.chains.includes(chain));
    const missing = options.jumps.filter(
      (jump) => jump.table === table && !present.includes(`-A ${jump.chain} ${jump.rule}`),
    );
    text += [
      `*${table}`,
      ...[...wanted.chains, ...stale].map((chain) => `:${chain} - [0:0]`),
      ...missing.toReversed().map((jump) => `-I ${jump.chain} 1 ${jump.rule}`),
      ...wanted.rules,
      ...stale.map((chain) => `-X ${chain}`),
      "COMMIT",
      "",
    ].join("\n");
  }
  await restore(text);
}

/** Takes away every chain that `owns` claims and every jump into one. */
export async function removeRules(owns: (chain: string) => boolean): Promise<void> {
  let text = "";
  for (const table of ["nat", "filter"] as const) {
    const present = await saveTable(table);
    const chains = chainsOf(present).filter(owns);
    if (chains.length === 0) continue;
    const jumps = present.filter((line) => {
      const match = /^-A (\S+) .*-j (\S+)/.exec(line);
      return match !== null && !owns(match[1] ?? "") && owns(match[2] ?? "");
    });
    text += [
      `*${table}`,
      ...chains.map((chain) => `:${chain} - [0:0]`),
      ...jumps.map((line) => line.replace(/^-A/, "-D")),
      ...chains.map((chain) => `-X ${chain}`),
      "COMMIT",
      "",
    ].join("\n");
  }
  if (text !== "") await restore(text);
}

async function restore(text: string): Promise<void> {
  const result = await tryCommand("iptables-restore", ["--noflush", "-w", String(lockWaitSeconds)], {
    input: text,
    timeoutMs: commandTimeoutMs,
  });
  if (result.exitCode === 0) return;
  const error = new CommandError("iptables-restore --noflush", result);
  const number = Number(/line:? (\d+)/.exec(result.stderr)?.[1] ?? 0);
  const line = text.split("\n")[number - 1];
  throw new IptablesError(line === undefined ? error.message : `${error.message}\nrefused line: ${line}`, {
    cause: error,
  });
}

function chainsOf(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => (line.startsWith(":") ? [line.slice(1, line.indexOf(" "))] : []));
}
