// Progress of long work: one line per step, with its outcome and how long it took. On a terminal the running step shows
// a moving mark and the latest detail.
import colours from "picocolors";
import { messageOf } from "../errors.ts";

export interface Step {
  /** Replaces the detail behind the step's title. */
  detail(text: string): void;
}

export interface Progress {
  /** Runs `work` as a step. What it returns as `summary` stands behind the title when done. */
  step<T>(title: string, work: (step: Step) => Promise<T>, summary?: (result: T) => string): Promise<T>;
  note(text: string): void;
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const titleWidth = 34;

export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const live = stream.isTTY;
  const write = (line: string): void => void stream.write(`${live ? "\r\u001b[2K" : ""}${line}\n`);
  return {
    async step(title, work, summary) {
      const startedAt = performance.now();
      let detail = "";
      let frame = 0;
      const paint = (): void => {
        frame = (frame + 1) % frames.length;
        const room = Math.max(20, (stream.columns || 80) - titleWidth - 6);
        stream.write(
          `\r\u001b[2K${colours.cyan(frames[frame] ?? "")} ${title.padEnd(titleWidth)} ${colours.dim(detail.slice(0, room))}`,
        );
      };
      const timer = live ? setInterval(paint, 100) : undefined;
      const seconds = (): string => colours.dim(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
      try {
        const result = await work({ detail: (text) => (detail = text) });
        clearInterval(timer);
        write(
          `${colours.green("✓")} ${title.padEnd(titleWidth)} ${[summary?.(result), seconds()].filter(Boolean).join("  ")}`,
        );
        return result;
      } catch (error) {
        clearInterval(timer);
        write(`${colours.red("✗")} ${title.padEnd(titleWidth)} ${messageOf(error).split("\n")[0] ?? ""}  ${seconds()}`);
        throw error;
      }
    },
    note: (text) => write(`${colours.yellow("!")} ${text}`),
  };
}
