export { createDockerRuntime } from "./docker-runtime.ts";
export type { DockerRuntimeOptions } from "./docker-runtime.ts";
export type { PauseImage } from "./create-options.ts";
export { labelNames } from "./labels.ts";
