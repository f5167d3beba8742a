/** One line of a script: `name positional key=value key=(a, b)`. */
export interface Command {
  readonly name: string;
  /** Words without `=`, in order. */
  readonly words: readonly string[];
  /** Values by key; a single value is a list of one. */
  readonly options: ReadonlyMap<string, readonly string[]>;
}

export function parseCommand(line: string): Command {
  const tokens = [...line.matchAll(/([^\s=]+)(?:=(?:\(([^)]*)\)|(\S*)))?/g)];
  const words: string[] = [];
  const options = new Map<string, readonly string[]>();
  for (const [token, key, list, value] of tokens.slice(1)) {
    if (!token.includes("=")) words.push(token);
    else
      options.set(
        key as string,
        list === undefined ? [value ?? ""] : list.split(/[\s,]+/).filter((item) => item !== ""),
      );
  }
  return { name: tokens[0]?.[1] ?? "", words, options };
}

/** The only value of an option. */
export function single(command: Command, key: string): string | undefined {
  const values = command.options.get(key);
  if (values !== undefined && values.length !== 1) throw new Error(`${command.name}: ${key} takes one value`);
  return values?.[0];
}

export function flag(command: Command, key: string): boolean {
  return single(command, key) === "true";
}

export function ids(values: readonly string[] | undefined): bigint[] {
  return (values ?? []).map((value) => BigInt(value));
}
