/** Runs one script of any of the three languages, told apart by its first command. */
import { parseScenario } from "@triarch/base";
import { parseCommand } from "./command.ts";
import type { Command } from "./command.ts";
import { ConfChangeScript, runQuorumCommand } from "./decisions.ts";
import { Interaction } from "./interaction.ts";

export interface ScriptDifference {
  readonly line: number;
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

/** @returns the first differences, one per command; none when the script passes */
export function runScript(text: string): ScriptDifference[] {
  const steps = parseScenario(text);
  const run = runnerFor(parseCommand(steps[0]?.command ?? ""));
  const differences: ScriptDifference[] = [];
  for (const step of steps) {
    const expected = comparable(step.expected);
    let actual: string;
    try {
      actual = comparable(run(parseCommand(step.command), step.input));
    } catch (error) {
      // Nothing after it can be trusted.
      const crash = error instanceof Error ? (error.stack ?? error.message) : String(error);
      differences.push({ line: step.line, command: step.command, expected, actual: crash });
      break;
    }
    if (actual !== expected) differences.push({ line: step.line, command: step.command, expected, actual });
  }
  return differences;
}

function runnerFor(first: Command): (command: Command, input: string) => string {
  switch (first.name) {
    case "simple":
    case "enter-joint":
    case "leave-joint": {
      const script = new ConfChangeScript();
      return (command, input) => script.run(command, input);
    }
    case "committed":
    case "vote":
      return runQuorumCommand;
    default: {
      const interaction = new Interaction();
      return (command, input) => interaction.run(command, input);
    }
  }
}

/** Log text is each implementation's own: lines that start with a level are left out, on both sides. */
function comparable(output: string): string {
  const lines = output.split("\n").filter((line) => !/^\s*(DEBUG|INFO|WARN|ERROR|FATAL) /.test(line));
  const text = lines
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();
  return text === "" || text === "ok (quiet)" ? "ok" : text;
}
