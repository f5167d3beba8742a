import { rm } from "node:fs/promises";
import { clusterPaths, requireClusterSpec } from "../cluster/cluster-spec.ts";
import { takeDown } from "../cluster/take-down.ts";
import { terminalProgress } from "../output/progress.ts";
import { SupervisorClient } from "../supervisor/supervisor-client.ts";

export interface DownOptions {
  readonly dataDir: string;
  readonly deleteData?: boolean;
}

export async function downCommand(options: DownOptions): Promise<number> {
  const progress = terminalProgress();
  const paths = clusterPaths(options.dataDir);
  const spec = await requireClusterSpec(paths);
  await progress.step("Stopping processes", () => new SupervisorClient(paths).shutDown());
  await progress.step("Removing containers and networks", () => takeDown(spec));
  if (options.deleteData === true) {
    await progress.step(
      "Deleting data",
      () => rm(paths.root, { recursive: true, force: true }),
      () => paths.root,
    );
  } else {
    console.log(`The data stays in ${paths.root}; \`triarch up\` brings the cluster back.`);
  }
  return 0;
}
