import { memberIdText } from "./member-ids.ts";

/** This member was removed from the cluster for good: its id never comes back, and it must not serve. */
export class MemberRemovedError extends Error {
  override readonly name = "MemberRemovedError";

  /** @param where its database */
  constructor(where: string, memberId: bigint) {
    super(
      `${where}: member ${memberIdText(memberId)} was removed from the cluster and must not come back under this id; ` +
        "delete its data directory and add it as a new member if it is still wanted",
    );
  }
}
