// Three masters of ours: processes, no workers.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "@triarch/machine";

const program = new URL("../../apps/triarch/bin/triarch.js", import.meta.url).pathname;

export interface MasterCluster {
  readonly dataDir: string;
  readonly kubeconfig: string;
  close(): Promise<void>;
}

export async function startMasters(basePort: number): Promise<MasterCluster> {
  const dataDir = join(await mkdtemp(join(tmpdir(), "triarch-bench-")), "cluster");
  const shape = ["--runtime", "hollow", "--workers", "0", "--no-example", "--log-level", "warn"];
  await runCommand(
    process.execPath,
    [program, "up", "--data-dir", dataDir, "--base-port", String(basePort), "--detach", ...shape],
    {
      timeoutMs: 120_000,
    },
  );
  return {
    dataDir,
    kubeconfig: join(dataDir, "kubeconfig"),
    async close() {
      await runCommand(process.execPath, [program, "down", "--data-dir", dataDir, "--delete-data"], {
        timeoutMs: 90_000,
      });
    },
  };
}
