import type { Observer } from "./observer.ts";

/** One observer that tells all of `observers`, in this order. */
export function toAll(observers: readonly Observer[]): Required<Observer> {
  return {
    onSend: (...told) => observers.forEach((observer) => observer.onSend?.(...told)),
    onApply: (...told) => observers.forEach((observer) => observer.onApply?.(...told)),
    onEntryApplied: (...told) => observers.forEach((observer) => observer.onEntryApplied?.(...told)),
    onConfChanged: (...told) => observers.forEach((observer) => observer.onConfChanged?.(...told)),
    onInstalled: (...told) => observers.forEach((observer) => observer.onInstalled?.(...told)),
    onLogFound: (...told) => observers.forEach((observer) => observer.onLogFound?.(...told)),
    onWriteAcknowledged: (...told) => observers.forEach((observer) => observer.onWriteAcknowledged?.(...told)),
    onWriteRefused: (...told) => observers.forEach((observer) => observer.onWriteRefused?.(...told)),
    onRead: (...told) => observers.forEach((observer) => observer.onRead?.(...told)),
    onEnd: (...told) => observers.forEach((observer) => observer.onEnd?.(...told)),
  };
}
