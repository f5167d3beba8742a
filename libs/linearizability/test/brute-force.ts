import type { Model, Operation } from "../src/index.ts";

/**
 * The slow, obvious twin: tries every order of every choice of operations that has all that returned, and asks of each
 * whether it keeps to real time and to the model.
 */
export function bruteForce<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): boolean {
  const tryFrom = (state: State, left: readonly Operation<Input, Output>[]): boolean => {
    if (left.every((operation) => operation.output === undefined)) return true;
    return left.some((next) => {
      // Nobody who is still left may have returned before this one was called.
      if (left.some((other) => other.output !== undefined && other.returnedAt <= next.calledAt)) return false;
      const rest = left.filter((other) => other !== next);
      return model.step(state, next.input, next.output).some((following) => tryFrom(following, rest));
    });
  };
  return tryFrom(model.initial, history);
}
