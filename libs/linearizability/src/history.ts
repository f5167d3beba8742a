/**
 * What clients saw of a store: operations with the moments of their call and their return, by one clock.
 *
 * An operation whose outcome nobody knows (a timeout, a broken connection) has no output. It may have taken effect at any
 * moment after its call, also long after its client gave up, or never: it stays open to the end of the history.
 */
export interface Operation<Input, Output> {
  /** For reports. */
  readonly client: number;
  readonly input: Input;
  /** undefined: unknown. */
  readonly output: Output | undefined;
  readonly calledAt: number;
  /** After `calledAt`; meaningless without an output. */
  readonly returnedAt: number;
}

/** A sequential object that a history is held against. States are values: a step never changes one. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /**
   * The states that the operation can lead to from here, none when it cannot happen here with this output. Without an
   * output every outcome counts that changes something; that it does not happen needs no state.
   */
  step(state: State, input: Input, output: Output | undefined): readonly State[];
  /** Equal for inputs that do the same: of open operations that are alike only the first is tried. */
  inputIdentity(input: Input): string;
  /** Operations that have a rank can only take effect in the order of their ranks; undefined: no rank. */
  rank(output: Output): number | undefined;
  /** Equal for states that no later step tells apart. */
  identity(state: State): string;
}
