import { join } from "node:path";

/** Where a member keeps its files. Raft's log, with the member's vote, is in `root` too (`wal/`). */
export interface MemberDataDir {
  readonly root: string;
  /** LevelDB with every row and the applied index. */
  readonly database: string;
  /** A state received from the leader while it is not complete; removed on start. */
  readonly incoming: string;
  /** A complete received state about to become the database; on start it does. */
  readonly ready: string;
  /** What a state taken from another member has replaced, until the next start. */
  readonly damaged: string;
  /** Says that the database is to be replaced by another member's before anything else. */
  readonly reseedMark: string;
  readonly log: string;
}

export function memberDataDir(dataDir: string): MemberDataDir {
  const root = join(dataDir, "member");
  return {
    root,
    database: join(root, "db"),
    incoming: join(root, "db.incoming"),
    ready: join(root, "db.ready"),
    damaged: join(root, "db.damaged"),
    reseedMark: join(root, "reseed.json"),
    log: join(root, "wal"),
  };
}
