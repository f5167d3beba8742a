/** A histogram's counts: cheap to add to, read when somebody asks for metrics. */
export class Buckets {
  /** Upper bounds, ascending; what is above the last is only in `count`. */
  readonly bounds: readonly number[];
  /** Not cumulative, one per bound. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    for (let i = 0; i < this.bounds.length; i++) {
      if (value <= (this.bounds[i] as number)) {
        this.counts[i] = (this.counts[i] as number) + 1;
        return;
      }
    }
  }
}
