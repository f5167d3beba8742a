// What a request is expected to cost, in seats. A seat is a share of the server's attention: a small request takes one, a
// list as many as it has objects to go through, and a write that many watch goes on costing a little after its answer.
// Numbers and rules are those of Kubernetes' API priority and fairness.

export interface Work {
  /** Taken from start to finish, at least 1. */
  readonly seats: number;
  /** Kept for `lingerMs` after the finish; 0: none. */
  readonly finalSeats: number;
  readonly lingerMs: number;
}

/** Seats that one request takes at most, however long the list. */
export const requestSeatsMax = 10;
const objectsPerSeat = 100;
const watchersPerSeat = 10;
/** What an event costs each seat's worth of watchers. */
const eventLingerMs = 5;
/** A level gives a request at most this part of its nominal seats. */
const levelSeatsPart = 0.15;

const bySeats: readonly Work[] = Array.from({ length: requestSeatsMax + 1 }, (_, seats) => ({
  seats: Math.max(seats, 1),
  finalSeats: 0,
  lingerMs: 0,
}));
export const oneSeat = bySeats[1] as Work;

export interface ListShape {
  /** Objects of the resource in all namespaces. */
  readonly stored: number;
  /** 0: no limit. */
  readonly limit: number;
  /** Objects that are not selected are gone through as well. */
  readonly hasSelectors: boolean;
}

/** @param seatsMax of `requestSeatsMaxOf` */
export function listWork({ stored, limit, hasSelectors }: ListShape, seatsMax: number): Work {
  const visited = hasSelectors || limit === 0 ? stored : Math.min(limit, stored);
  const seats = Math.min(Math.max(Math.ceil(visited / objectsPerSeat), 1), seatsMax);
  return bySeats[seats] ?? oneSeat;
}

/** @param watchers those that will get the change */
export function writeWork(watchers: number, seatsMax: number): Work {
  if (watchers < watchersPerSeat) return oneSeat;
  const wanted = Math.ceil(watchers / watchersPerSeat);
  const finalSeats = Math.min(wanted, seatsMax);
  // Narrower and longer, the same work.
  return { seats: 1, finalSeats, lingerMs: (wanted * eventLingerMs) / finalSeats };
}

/** @param handSize undefined: a level without queues */
export function requestSeatsMaxOf(nominalSeats: number, handSize: number | undefined): number {
  if (handSize === undefined) return requestSeatsMax;
  const ofLevel = Math.min(Math.ceil(nominalSeats * levelSeatsPart), Math.floor(nominalSeats / handSize));
  return Math.min(Math.max(ofLevel, 1), requestSeatsMax);
}

/** Seats that the request holds: its own, or those of its afterlife when these are more. */
export function widthOf({ seats, finalSeats }: Work): number {
  return Math.max(seats, finalSeats);
}
