// The JSON body of a typed list, copied together from bytes that are there already. In chunks, so that a list of any
// size goes out with bounded memory and can wait for a slow reader between chunks.
import { concatBytes, utf8 } from "@triarch/base";
import { apiVersionOf, headText } from "./stored-form.ts";
import type { ListResult, StoredResource } from "./types.ts";

/** A chunk is about this large, or one object. */
export const listChunkBytes = 256 * 1024;

/**
 * @param listKind `PodList`
 * @throws StorageError "corrupt" in the chunk of an object that can't be read
 * Cost: one copy of the bytes, nothing is decoded.
 */
export function* listBodyChunks(resource: StoredResource, listKind: string, result: ListResult): Generator<Uint8Array> {
  const metadata = JSON.stringify({
    resourceVersion: result.resourceVersion,
    continue: result.continue,
    remainingItemCount: result.remainingItemCount,
  });
  let parts = [utf8(`${headText(apiVersionOf(resource), listKind)}"metadata":${metadata},"items":[`)];
  let sizeBytes = 0;
  for (const [at, item] of result.items.entries()) {
    const tail = item.itemTail();
    parts.push(at === 0 ? firstItem : nextItem, tail);
    sizeBytes += tail.length;
    if (sizeBytes < listChunkBytes) continue;
    yield concatBytes(parts);
    parts = [];
    sizeBytes = 0;
  }
  parts.push(end);
  yield concatBytes(parts);
}

const firstItem = utf8("{");
const nextItem = utf8(",{");
const end = utf8("]}\n");
