import { createServer } from "node:net";
import { CommandFailure } from "../errors.ts";
import { isCode } from "./cluster-spec.ts";

/** @throws CommandFailure naming every port that somebody else holds; nothing stays open */
export async function requireFreePorts(ports: readonly number[]): Promise<void> {
  const busy = (await Promise.all(ports.map(async (port) => ((await isFree(port)) ? [] : [port])))).flat();
  if (busy.length === 0) return;
  const many = busy.length > 1;
  throw new CommandFailure(`port${many ? "s" : ""} ${busy.join(", ")} on 127.0.0.1 ${many ? "are" : "is"} in use`, {
    remedy: "stop what listens there, or choose other ports with --base-port; nothing was changed",
  });
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return true;
  } catch (error) {
    if (isCode(error, "EADDRINUSE") || isCode(error, "EACCES")) return false;
    throw error;
  } finally {
    server.close();
  }
}
