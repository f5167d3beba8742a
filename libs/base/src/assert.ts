/** Raised where the program itself is wrong. Never caught to carry on; bad input has its own errors. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** States what must hold here. Stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Unwraps a value that the program's own invariants say is there. */
export function assertDefined<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionError(message);
  return value;
}

/** Closes a switch over a union: a new member that is not handled fails to compile. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected variant: ${JSON.stringify(value)}`);
}
