export { healthReport, startHealthServer } from "./health-server.ts";
export type { HealthCheck, HealthServer, HealthServerOptions } from "./health-server.ts";
export { createLogger, logLevels, parseLogLevels, silentLogger } from "./logger.ts";
export type { Logger, LoggerOptions, LogLevel } from "./logger.ts";
export { Counter, createRegistry, Gauge, Histogram, Registry } from "./metrics.ts";
