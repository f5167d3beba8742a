// How a command's end is told on the error channel: a `meta/v1 Status` from the fourth version of the protocol on,
// plain text before.
export type CommandEnd =
  { readonly kind: "exited"; readonly exitCode: number } | { readonly kind: "failed"; readonly message: string };

/** True for the versions that know the status. */
export function hasStatus(protocol: string): boolean {
  return protocol.startsWith("v4.") || protocol.startsWith("v5.");
}

/** What to write to the error channel; empty: nothing but its end. */
export function endMessage(protocol: string, end: CommandEnd): string {
  if (hasStatus(protocol)) return JSON.stringify(statusOf(end));
  if (end.kind === "failed") return end.message;
  return end.exitCode === 0 ? "" : exitText(end.exitCode);
}

function statusOf(end: CommandEnd): object {
  if (end.kind === "failed") {
    const text = `Internal error occurred: ${end.message}`;
    const details = { causes: [{ message: end.message }] };
    return { metadata: {}, status: "Failure", message: text, reason: "InternalError", details, code: 500 };
  }
  if (end.exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: exitText(end.exitCode),
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(end.exitCode) }] },
  };
}

function exitText(exitCode: number): string {
  return `command terminated with non-zero exit code: exit status ${exitCode}`;
}
