/**
 * What etcd promises of a watch, one validator for each promise. Each gets what one watcher was told, and where the
 * promise is about completeness, the store's true history; each gives a line for everything that breaks the promise.
 * Source: etcd's documentation, "API guarantees".
 */

export interface SeenEvent {
  readonly kind: "put" | "delete";
  readonly key: string;
  readonly modRevision: number;
  /** Empty for a delete. */
  readonly value: string;
  /** The value before; undefined: the watcher was not told one. */
  readonly previousValue?: string | undefined;
}

export type WatchAnswer =
  /** `fragment`: the rest of the last revision comes in the next answer. */
  | { readonly kind: "events"; readonly events: readonly SeenEvent[]; readonly fragment: boolean }
  /** The store says: all up to this revision was sent. */
  | { readonly kind: "progress"; readonly revision: number };

/** One watcher from its creation to its end. A watcher that goes on after a broken connection makes a new trace. */
export interface WatchTrace {
  readonly name: string;
  readonly startRevision: number;
  readonly matches: (key: string) => boolean;
  readonly answers: readonly WatchAnswer[];
  /** Everything up to here must have come. Undefined: up to the last event or progress that came. */
  readonly completeTo?: number | undefined;
}

/** Events come in the order of their revisions. */
export function checkOrdered({ name, answers }: WatchTrace): readonly string[] {
  const lines: string[] = [];
  let last = 0;
  for (const event of eventsOf(answers)) {
    if (event.modRevision < last) lines.push(`${name}: revision ${event.modRevision} came after ${last}`);
    last = event.modRevision;
  }
  return lines;
}

/** An event comes once. */
export function checkUnique({ name, answers }: WatchTrace): readonly string[] {
  const seen = new Set<string>();
  return eventsOf(answers).flatMap(({ key, modRevision }) => {
    const id = `${modRevision} ${key}`;
    if (seen.has(id)) return [`${name}: the event of ${key} at revision ${modRevision} came twice`];
    seen.add(id);
    return [];
  });
}

/** The events of one revision come in one answer, or in answers that are marked as fragments. */
export function checkAtomic({ name, answers }: WatchTrace): readonly string[] {
  const lines: string[] = [];
  let last: { readonly revision: number; readonly fragment: boolean } | undefined;
  for (const answer of answers) {
    if (answer.kind !== "events") continue;
    const first = answer.events[0];
    if (first !== undefined && first.modRevision === last?.revision && !last.fragment) {
      lines.push(`${name}: the events of revision ${first.modRevision} came in two answers`);
    }
    const end = answer.events.at(-1);
    if (end !== undefined) last = { revision: end.modRevision, fragment: answer.fragment };
  }
  return lines;
}

/** No event is left out between the first and the last that came, and nothing comes that never happened. */
export function checkReliable(trace: WatchTrace, history: readonly SeenEvent[]): readonly string[] {
  const { name, matches, answers, completeTo } = trace;
  const got = eventsOf(answers);
  const first = got[0]?.modRevision ?? Infinity;
  const last = completeTo ?? got.at(-1)?.modRevision ?? 0;
  const gotTexts = new Set(got.map(eventText));
  const trueTexts = new Set(history.map(eventText));
  const from = completeTo === undefined ? first : Math.min(first, completeTo + 1);
  return [
    ...history
      .filter((event) => matches(event.key) && event.modRevision >= from && event.modRevision <= last)
      .filter((event) => !gotTexts.has(eventText(event)))
      .map((event) => `${name}: ${eventText(event)} never came`),
    ...got
      .filter((event) => !trueTexts.has(eventText(event)))
      .map((event) => `${name}: ${eventText(event)} never happened`),
  ];
}

/** A watcher that starts at a revision gets the first event from there on, none before, and skips none. */
export function checkResumable(trace: WatchTrace, history: readonly SeenEvent[]): readonly string[] {
  const { name, startRevision, matches, answers, completeTo } = trace;
  const [first] = eventsOf(answers);
  const early = eventsOf(answers).filter((event) => event.modRevision < startRevision);
  const wanted = history.find((event) => matches(event.key) && event.modRevision >= startRevision);
  const told = Math.max(completeTo ?? 0, first?.modRevision ?? 0, ...progressOf(answers));
  const missed =
    wanted !== undefined && wanted.modRevision <= told && (first?.modRevision ?? Infinity) > wanted.modRevision;
  return [
    ...early.map((event) => `${name}: revision ${event.modRevision} came, asked for was ${startRevision} and later`),
    ...(missed ? [`${name}: started at ${startRevision}, and ${eventText(wanted)} never came`] : []),
  ];
}

/** After a progress answer nothing up to its revision comes any more, and everything up to it has come. */
export function checkBookmarkable(trace: WatchTrace, history: readonly SeenEvent[]): readonly string[] {
  const { name, startRevision, matches, answers } = trace;
  const lines: string[] = [];
  const came = new Set<string>();
  let told = 0;
  for (const answer of answers) {
    if (answer.kind === "progress") {
      if (answer.revision < told) lines.push(`${name}: progress ${answer.revision} came after ${told}`);
      const due = history.filter(
        ({ key, modRevision }) =>
          matches(key) && modRevision >= startRevision && modRevision > told && modRevision <= answer.revision,
      );
      for (const event of due) {
        if (!came.has(eventText(event)))
          lines.push(`${name}: progress ${answer.revision} came before ${eventText(event)}`);
      }
      told = Math.max(told, answer.revision);
      continue;
    }
    for (const event of answer.events) {
      if (event.modRevision <= told) lines.push(`${name}: ${eventText(event)} came after progress ${told}`);
      came.add(eventText(event));
    }
  }
  return lines;
}

/** Where a value before is told, it is the one that the key had. */
export function checkPreviousValues({ name, answers }: WatchTrace, history: readonly SeenEvent[]): readonly string[] {
  const before = new Map<string, string | undefined>();
  const expected = new Map<string, string | undefined>();
  for (const event of history) {
    expected.set(eventText(event), before.get(event.key));
    before.set(event.key, event.kind === "put" ? event.value : undefined);
  }
  return eventsOf(answers)
    .filter((event) => event.previousValue !== undefined && event.previousValue !== expected.get(eventText(event)))
    .map((event) => `${name}: ${eventText(event)} says that "${event.previousValue}" was there before`);
}

/** All promises by name. `history` is all that happened, in order of revision. */
export const watchGuarantees: Readonly<
  Record<string, (trace: WatchTrace, history: readonly SeenEvent[]) => readonly string[]>
> = {
  ordered: checkOrdered,
  unique: checkUnique,
  atomic: checkAtomic,
  reliable: checkReliable,
  resumable: checkResumable,
  bookmarkable: checkBookmarkable,
  previousValues: checkPreviousValues,
};

function eventsOf(answers: readonly WatchAnswer[]): readonly SeenEvent[] {
  return answers.flatMap((answer) => (answer.kind === "events" ? answer.events : []));
}

function progressOf(answers: readonly WatchAnswer[]): readonly number[] {
  return answers.flatMap((answer) => (answer.kind === "progress" ? [answer.revision] : []));
}

function eventText({ kind, key, modRevision, value }: SeenEvent): string {
  return `${kind} of ${key}${kind === "put" ? ` = "${value}"` : ""} at revision ${modRevision}`;
}
