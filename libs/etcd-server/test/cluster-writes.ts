import { utf8, utf8Text } from "@triarch/base";
import { StoreError, type StoreClient, type StoreRange } from "../src/index.ts";

/** Creates the key, also over an election: what has an unknown outcome is looked up. */
export async function create(store: StoreClient, key: string, value: string): Promise<number> {
  for (;;) {
    try {
      const outcome = await store.put({ key, value: utf8(value), expectedModRevision: 0 });
      return outcome.kind === "written" ? outcome.revision : (outcome.current?.modRevision ?? 0);
    } catch (error) {
      if (!(error instanceof StoreError) || error.failure.code !== "unknownOutcome") throw error;
    }
  }
}

/** @returns the revision, or why there is none; an election is a pause for the other members, never a refusal */
export async function attempt(store: StoreClient, key: string): Promise<number | "unknown" | "ended"> {
  try {
    return (await store.put({ key, value: utf8(key), expectedModRevision: 0 })).revision;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.failure.code === "stopped") return "ended";
    if (error.failure.code === "unknownOutcome") return "unknown";
    throw error;
  }
}

/** One line per row, to compare what two members hold. */
export function describe(range: StoreRange): string {
  return range.rows.map((row) => `${row.key}=${utf8Text(row.value)}@${row.modRevision}`).join("\n");
}
