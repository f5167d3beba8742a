import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { nodeWalDisk } from "@triarch/wal";
import { defaultLimits } from "./limits.ts";
import { Driver } from "./node/driver.ts";
import { recoverLog } from "./node/log-recovery.ts";
import type { RaftNode, RaftNodeOptions } from "./types.ts";

/**
 * Opens or begins the member's log, brings the state machine up to date with what is known to be committed, listens for
 * peers and joins them. Resolves before there is a leader.
 *
 * @throws WalError | RaftNodeError "lostLog" | "staleState" | the system's error when the address cannot be had
 */
export async function startRaftNode(options: RaftNodeOptions): Promise<RaftNode> {
  const { id, clusterId, dir, initialMembers, segmentSizeBytes, stateMachine } = options;
  assert(new Set(initialMembers.map((member) => member.id)).size === initialMembers.length, "member ids are unique");
  if (options.transport === undefined) await mkdir(dir, { recursive: true });
  const disk = options.walDisk ?? nodeWalDisk(join(dir, "wal"));
  const { catchUpEntries, catchUpBytesMax } = { ...defaultLimits, ...options.limits };
  const log = await recoverLog({
    ...{ id, clusterId, dir, disk, initialMembers, segmentSizeBytes, join: options.join ?? false },
    catchUp: { entriesMax: catchUpEntries, bytesMax: catchUpBytesMax },
    durableIndex: stateMachine.durableIndex(),
    logger: options.logger ?? silentLogger,
  });
  const driver = new Driver(options, log);
  try {
    await driver.start();
  } catch (error) {
    await driver.stop();
    throw error;
  }
  return driver;
}
