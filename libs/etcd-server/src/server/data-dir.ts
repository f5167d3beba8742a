import { join } from "node:path";

/** Where a member keeps its files. */
export interface MemberDataDir {
  readonly root: string;
  /** Write-ahead log: the member's vote and every entry not yet in the database. */
  readonly wal: string;
  /** LevelDB with every row and the applied index. */
  readonly database: string;
  /** A state received from the leader while it is not complete; removed on start. */
  readonly incoming: string;
  /** The database a received state has just replaced; removed on start. */
  readonly replaced: string;
}

export function memberDataDir(dataDir: string): MemberDataDir {
  const root = join(dataDir, "member");
  return {
    root,
    wal: join(root, "wal"),
    database: join(root, "db"),
    incoming: join(root, "db.incoming"),
    replaced: join(root, "db.replaced"),
  };
}
