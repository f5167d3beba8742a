import t from "tap";
import { systemTimers, utf8, utf8Text } from "@triarch/base";
import type { BucketRow } from "@triarch/store-level";
import { Flusher, flushPauseMs, type AppliedPosition } from "../src/server/flusher.ts";

/** A disk that writes when it is told to. */
class SlowDisk {
  readonly written: { readonly keys: string[]; readonly index: number }[] = [];
  #step = Promise.withResolvers<void>();

  async write(rows: readonly BucketRow[], position: AppliedPosition): Promise<void> {
    await this.#step.promise;
    this.written.push({ keys: rows.map(({ key }) => utf8Text(key)), index: position.index });
  }

  go(): void {
    this.#step.resolve();
    this.#step = Promise.withResolvers();
  }

  fail(): void {
    this.#step.reject(new Error("disk is gone"));
  }
}

const row = (key: string): BucketRow => ({ bucket: "key", key: utf8(key), value: utf8("12345678") });
const at = (index: number): AppliedPosition => ({ index, term: 1, revision: index });

t.test("what gathers during a write makes the next batch, in order, with its position", async (t) => {
  const disk = new SlowDisk();
  const flushed: number[] = [];
  const flusher = new Flusher({
    target: disk,
    durable: at(0),
    onFlushed: ({ index }) => flushed.push(index),
    onFailed: (error) => t.fail("failed", { error }),
  });
  flusher.add([row("a")], at(1));
  flusher.add([row("b")], at(2));
  await new Promise((resolve) => setImmediate(resolve));
  flusher.add([row("c")], at(3));
  flusher.add([], at(4));
  t.equal(flusher.unflushedBytes, 27);
  t.equal(flusher.durableIndex, 0, "nothing is durable before the disk says so");
  disk.go();
  while (flushed.length < 1) await new Promise((resolve) => setImmediate(resolve));
  t.equal(flusher.durableIndex, 2);
  t.equal(flusher.unflushedBytes, 9);
  const all = flusher.flush();
  await new Promise((resolve) => setImmediate(resolve));
  disk.go();
  await all;
  t.strictSame(disk.written, [
    { keys: ["a", "b"], index: 2 },
    { keys: ["c"], index: 4 },
  ]);
  t.strictSame(flushed, [2, 4]);
  t.throws(() => flusher.add([], at(3)), /comes after/, "positions never go back");
});

t.test("a batch comes after a pause, unless much waits or somebody asks for it", async (t) => {
  const waits: { readonly ms: number; readonly end: () => void }[] = [];
  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const written: number[] = [];
  const flusher = new Flusher({
    target: { write: async (_rows, { index }) => void written.push(index) },
    durable: at(0),
    onFlushed: () => undefined,
    onFailed: (error) => t.fail("failed", { error }),
    timers: {
      ...systemTimers,
      after: (ms, end) => {
        waits.push({ ms, end });
        return { cancel: () => undefined };
      },
    },
  });
  flusher.add([row("a")], at(1));
  await nextTurn();
  await nextTurn();
  flusher.add([row("b")], at(2));
  await nextTurn();
  t.strictSame(written, [1], "the second waits");
  t.strictSame(
    waits.map(({ ms }) => ms),
    [flushPauseMs],
  );
  waits[0]?.end();
  await nextTurn();
  t.strictSame(written, [1, 2]);

  flusher.add([row("c")], at(3));
  await flusher.flush();
  t.strictSame(written, [1, 2, 3], "somebody asked");

  flusher.add([row("d")], at(4));
  await nextTurn();
  await nextTurn();
  flusher.add([{ ...row("e"), value: new Uint8Array(2 ** 20) }], at(5));
  await nextTurn();
  t.strictSame(written, [1, 2, 3, 4, 5], "much waits");
  waits.at(-1)?.end();
  await flusher.flush();
});

t.test("a failed write is final", async (t) => {
  const disk = new SlowDisk();
  const failures: string[] = [];
  const flusher = new Flusher({
    target: disk,
    durable: at(7),
    onFlushed: () => t.fail("nothing was flushed"),
    onFailed: (error) => failures.push(error.message),
  });
  flusher.add([row("a")], at(8));
  const flush = t.rejects(flusher.flush(), { message: "disk is gone" });
  await new Promise((resolve) => setImmediate(resolve));
  disk.fail();
  await flush;
  await t.rejects(flusher.flush(), { message: "disk is gone" });
  flusher.add([row("b")], at(9));
  await t.rejects(flusher.flush(), { message: "disk is gone" });
  t.equal(flusher.durableIndex, 7);
  t.strictSame(failures, ["disk is gone"]);
});
