/**
 * Reads scenario files: a command line, optional input lines, `----`, the expected output, a blank line.
 * Output that itself holds blank lines stands between doubled separators. `#` starts a comment between commands.
 * The same format as the data-driven tests of the Go world, so that such files run here too.
 */
export interface ScenarioStep {
  /** 1-based line of the command in its file. */
  readonly line: number;
  readonly command: string;
  readonly input: string;
  readonly expected: string;
}

export function parseScenario(text: string): ScenarioStep[] {
  const lines = text.split("\n");
  const steps: ScenarioStep[] = [];
  let i = 0;
  while (i < lines.length) {
    const first = lines[i] as string;
    if (first.trim() === "" || first.startsWith("#")) {
      i += 1;
      continue;
    }
    const line = i + 1;
    let command = first;
    while (command.endsWith("\\") && i + 1 < lines.length) {
      i += 1;
      command = command.slice(0, -1) + (lines[i] as string).trimStart();
    }
    i += 1;
    const input: string[] = [];
    while (i < lines.length && lines[i] !== "----") {
      input.push(lines[i] as string);
      i += 1;
    }
    if (i >= lines.length) throw new Error(`scenario line ${line}: "${command}" has no ---- after it`);
    i += 1;
    const expected: string[] = [];
    if (lines[i] === "----") {
      i += 1;
      while (i < lines.length && !(lines[i] === "----" && lines[i + 1] === "----")) {
        expected.push(lines[i] as string);
        i += 1;
      }
      i += 2;
    } else {
      while (i < lines.length && lines[i] !== "") {
        expected.push(lines[i] as string);
        i += 1;
      }
    }
    steps.push({ line, command: command.trim(), input: input.join("\n"), expected: expected.join("\n") });
  }
  return steps;
}
