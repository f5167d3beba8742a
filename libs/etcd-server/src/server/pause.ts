/** Lets the event loop do what else is due: between the slices of long work. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
