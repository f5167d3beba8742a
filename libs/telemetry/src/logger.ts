import { pino, type DestinationStream } from "pino";

/**
 * One structured line (JSON) per event. The first argument holds fields, the second a short constant text, so that
 * lines of one kind can be counted.
 */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines also carry `fields`. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Levels per component: `info` for all, or `info,raft=debug,http=warn`.
 * @throws Error that names the part it could not read
 */
export function parseLogLevels(text: string): {
  readonly level: LogLevel;
  readonly components: ReadonlyMap<string, LogLevel>;
} {
  let level: LogLevel = "info";
  const components = new Map<string, LogLevel>();
  for (const part of text.split(",").filter((piece) => piece !== "")) {
    const [left, right] = part.split("=");
    const found = logLevels.find((known) => known === (right ?? left));
    if (found === undefined || left === undefined) {
      throw new Error(`log level "${part}" is not one of ${logLevels.join(", ")} (or component=level)`);
    }
    if (right === undefined) level = found;
    else components.set(left, found);
  }
  return { level, components };
}

export interface LoggerOptions {
  readonly component: string;
  /** As for `parseLogLevels`; default `info`. */
  readonly levels?: string;
  /** Default: standard error. */
  readonly destination?: DestinationStream;
}

export function createLogger(options: LoggerOptions): Logger {
  const levels = parseLogLevels(options.levels ?? "info");
  return pino(
    {
      base: { component: options.component },
      level: levels.components.get(options.component) ?? levels.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

/** For tests and for libraries whose caller passed none. */
export const silentLogger: Logger = pino({ level: "silent" });
