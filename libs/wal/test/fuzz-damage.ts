/** Random changes of a log's files: what a crash leaves, what a bad disk does, what a person does by mistake. */
import { assertDefined, type Rng } from "@triarch/base";
import type { Files } from "./fuzz-disk.ts";
import type { FuzzLog } from "./fuzz-log.ts";

type Change = (bytes: Uint8Array, rng: Rng) => Uint8Array;

/** A place in the used part, most often near its end. */
function place(bytes: Uint8Array, rng: Rng): number {
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return rng.int(2) === 0 ? rng.int(used + 1) : Math.max(0, used - 1 - rng.int(Math.min(used, 300)));
}

const tear: Change = (bytes, rng) => bytes.fill(0, place(bytes, rng));

const changes: readonly Change[] = [
  tear,
  tear,
  (bytes, rng) => bytes.slice(0, place(bytes, rng)),
  // A tear with something behind it.
  (bytes, rng) => {
    const torn = tear(bytes, rng);
    if (torn.length > 0) torn[rng.int(torn.length)] = rng.int(256);
    return torn;
  },
  (bytes, rng) => {
    const at = Math.min(place(bytes, rng), bytes.length - 1);
    if (at >= 0) bytes[at] = assertDefined(bytes[at], "inside") ^ (1 << rng.int(8));
    return bytes;
  },
  (bytes, rng) => fillRandomly(bytes, place(bytes, rng), 1 + rng.int(40), rng),
  (bytes, rng) => {
    const at = place(bytes, rng);
    return bytes.fill(0, at, at + 1 + rng.int(700));
  },
  // Sectors that were not written.
  (bytes, rng) => {
    const sector = 512 * Math.floor(place(bytes, rng) / 512);
    return bytes.fill(0, sector, sector + 512);
  },
  (bytes, rng) => bytes.copyWithin(place(bytes, rng), place(bytes, rng), place(bytes, rng)),
  (bytes, rng) => grown(bytes, rng.int(5_000)),
  (bytes, rng) => fillRandomly(grown(bytes, 1 + rng.int(5_000)), bytes.length, 5_000, rng),
  (bytes, rng) => fillRandomly(bytes, 0, bytes.length, rng),
  // Bytes lost or doubled in the middle.
  (bytes, rng) => {
    const [at, count] = [place(bytes, rng), rng.int(60)];
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + count)]);
  },
  (bytes, rng) => {
    const [at, count] = [place(bytes, rng), rng.int(60)];
    return Uint8Array.from([...bytes.subarray(0, at + count), ...bytes.subarray(at)]);
  },
];

function fillRandomly(bytes: Uint8Array, from: number, count: number, rng: Rng): Uint8Array {
  for (let at = from; at < Math.min(bytes.length, from + count); at++) bytes[at] = rng.int(256);
  return bytes;
}

function grown(bytes: Uint8Array, by: number): Uint8Array {
  const out = new Uint8Array(bytes.length + by);
  out.set(bytes);
  return out;
}

/** One file changed once or twice, the newest one most often; names stay. */
export function damage({ files, names }: FuzzLog, rng: Rng): Files {
  const which = rng.int(3) === 0 ? rng.int(names.length) : names.length - 1;
  const name = assertDefined(names[which], "a log has a segment");
  let content: Uint8Array = assertDefined(files.get(name), "names are those of the files").slice();
  for (let count = 1 + rng.int(2); count > 0; count--) {
    content = assertDefined(changes[rng.int(changes.length)], "a change")(content, rng);
  }
  return new Map(files).set(name, content);
}
