/** Hands on `chunks` and runs `close` once: at the end, on a failure, or when the reader gives up, started or not. */
export function closingAfter(
  chunks: AsyncIterable<Uint8Array>,
  close: () => Promise<void>,
): AsyncIterableIterator<Uint8Array> {
  const inner = chunks[Symbol.asyncIterator]();
  let closed = false;
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    if (!closed) {
      closed = true;
      await inner.return?.();
      await close();
    }
    return { done: true, value: undefined };
  };
  const stream: AsyncIterableIterator<Uint8Array> = {
    next: async () => {
      if (closed) return { done: true, value: undefined };
      try {
        const step = await inner.next();
        return step.done === true ? await end() : step;
      } catch (error) {
        await end();
        throw error;
      }
    },
    return: end,
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
