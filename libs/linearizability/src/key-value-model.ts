/**
 * One key of a multi-version store: put, get, delete, and put on condition of the revision it was last changed at.
 *
 * What a write answers tells its revision. The revision of a write whose answer was lost is unknown until somebody reads
 * the key: then it is what was read. So a state may hold an unknown revision with a lower bound.
 */
import type { Model } from "./history.ts";

export type KeyInput =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: string }
  | { readonly kind: "delete" }
  /** Puts if the key was last changed at that revision; 0: if it does not exist. */
  | { readonly kind: "compareAndPut"; readonly expectedRevision: number; readonly value: string };

/** What a read says of the key; `undefined` where it does not exist. */
export interface KeyVersion {
  readonly value: string;
  readonly modRevision: number;
  /** Writes since it was created, this one included. */
  readonly version: number;
}

export type KeyOutput =
  | { readonly kind: "got"; readonly found: KeyVersion | undefined }
  /** The write took effect at this revision. */
  | { readonly kind: "written"; readonly revision: number }
  /** There was nothing to delete. */
  | { readonly kind: "nothingDeleted" }
  /** The condition did not hold. */
  | { readonly kind: "conflict" };

export type KeyState =
  | { readonly kind: "absent"; readonly after: number }
  | {
      readonly kind: "present";
      readonly value: string;
      readonly version: number;
      /** undefined: greater than `after`, and nobody knows more. */
      readonly revision: number | undefined;
      /** Revision of the last change before that is known. */
      readonly after: number;
    };

export const keyModel: Model<KeyState, KeyInput, KeyOutput> = {
  initial: { kind: "absent", after: 0 },
  step,
  inputIdentity,
  rank,
  identity,
};

const none: readonly KeyState[] = [];

function step(state: KeyState, input: KeyInput, output: KeyOutput | undefined): readonly KeyState[] {
  switch (input.kind) {
    case "get":
      return output?.kind === "got" ? get(state, output.found) : none;
    case "put":
      return written(state, input.value, output);
    case "delete":
      return deleted(state, output);
    case "compareAndPut":
      return compareAndPut(state, input.expectedRevision, input.value, output);
  }
}

function get(state: KeyState, found: KeyVersion | undefined): readonly KeyState[] {
  if (found === undefined) return state.kind === "absent" ? [state] : none;
  if (state.kind === "absent" || state.value !== found.value || state.version !== found.version) return none;
  const known = at(state, found.modRevision);
  return known === undefined ? none : [known];
}

/** The state if its revision is this one, or may be. */
function at(state: Extract<KeyState, { kind: "present" }>, revision: number): KeyState | undefined {
  if (state.revision !== undefined) return state.revision === revision ? state : undefined;
  return revision > state.after ? { ...state, revision } : undefined;
}

/** No later change can have a smaller revision. */
function floorOf(state: KeyState): number {
  return state.kind === "present" ? (state.revision ?? state.after) : state.after;
}

function written(state: KeyState, value: string, output: KeyOutput | undefined): readonly KeyState[] {
  if (output !== undefined && output.kind !== "written") return none;
  const after = floorOf(state);
  if (output !== undefined && output.revision <= after) return none;
  const version = state.kind === "present" ? state.version + 1 : 1;
  return [{ kind: "present", value, version, revision: output?.revision, after }];
}

function deleted(state: KeyState, output: KeyOutput | undefined): readonly KeyState[] {
  if (output?.kind === "nothingDeleted") return state.kind === "absent" ? [state] : none;
  if (state.kind === "absent") return none;
  const floor = floorOf(state);
  if (output === undefined) return [{ kind: "absent", after: floor }];
  return output.kind === "written" && output.revision > floor ? [{ kind: "absent", after: output.revision }] : none;
}

function compareAndPut(
  state: KeyState,
  expected: number,
  value: string,
  output: KeyOutput | undefined,
): readonly KeyState[] {
  if (output?.kind === "conflict") return mustBe(state, expected) ? none : [state];
  const matching = expected === 0 ? (state.kind === "absent" ? state : undefined) : presentAt(state, expected);
  return matching === undefined ? none : written(matching, value, output);
}

function presentAt(state: KeyState, revision: number): KeyState | undefined {
  return state.kind === "present" ? at(state, revision) : undefined;
}

/** Whether the condition certainly holds: an unknown revision may be another one. */
function mustBe(state: KeyState, expected: number): boolean {
  return state.kind === "absent" ? expected === 0 : state.revision === expected && expected !== 0;
}

function inputIdentity(input: KeyInput): string {
  const value = "value" in input ? input.value : "";
  return `${input.kind} ${input.kind === "compareAndPut" ? input.expectedRevision : ""} ${value}`;
}

function rank(output: KeyOutput): number | undefined {
  return output.kind === "written" ? output.revision : undefined;
}

function identity(state: KeyState): string {
  if (state.kind === "absent") return `-${state.after}`;
  return `${state.revision ?? "?"}>${state.after} v${state.version} ${state.value}`;
}
