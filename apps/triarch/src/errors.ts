/** Ends the command with one clear line. `remedy` says what to do. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly remedy: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(
    message: string,
    options: { readonly remedy?: string; readonly exitCode?: 1 | 2; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? 1;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
