export { CommandError, commandPath, hasCommand, runCommand, tryCommand } from "./command.ts";
export type { CommandOptions, CommandResult } from "./command.ts";
export { dockerClient, dockerVersion, removeStalePidFile, startDockerEngine } from "./docker-engine.ts";
export { ensureLocalImage, localImage } from "./local-image.ts";
export { installPackages, missingPackages, testPackages, workerPackages } from "./system-packages.ts";
export type { SystemPackage } from "./system-packages.ts";
