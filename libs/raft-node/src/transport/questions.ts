/**
 * What members ask each other beside Raft, over the data connection to the one who is asked: `question` is `id u32 |
 * payload`, `reply` is `id u32 | outcome u8 | payload`. Neither is ever repeated here: no reply leaves it open whether
 * the question was worked on.
 */
import type { Clock } from "@triarch/base";
import type { MemberId } from "@triarch/raft";
import { DecodeError } from "../codec/varint.ts";
import { transportLimits } from "../limits.ts";
import { RaftNodeError } from "../types.ts";

const idBytes = 4;
const outcomes = { answered: 0, failed: 1 } as const;

interface Asked {
  readonly peer: MemberId;
  readonly deadlineMs: number;
  readonly resolve: (reply: Uint8Array) => void;
  readonly reject: (error: RaftNodeError) => void;
}

/** Questions of this member that wait for a reply. Bounded by `questionsMax`. */
export class Questions {
  readonly #clock: Clock;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param send takes the payload of a question frame; false when it went nowhere
   * @throws RaftNodeError "unreachable" | "timeout" | "stopped"
   */
  ask(request: {
    readonly peer: MemberId;
    readonly payload: Uint8Array;
    readonly timeoutMs: number;
    readonly send: (question: Uint8Array) => boolean;
  }): Promise<Uint8Array> {
    const { peer, payload, timeoutMs, send } = request;
    const unreachable = (text: string): Promise<never> => Promise.reject(new RaftNodeError("unreachable", text));
    if (this.#asked.size >= transportLimits.questionsMax) return unreachable("too many questions wait for a reply");
    const id = (this.#lastId = (this.#lastId + 1) >>> 0);
    const question = new Uint8Array(idBytes + payload.length);
    new DataView(question.buffer).setUint32(0, id);
    question.set(payload, idBytes);
    if (!send(question)) return unreachable(`no connection to member ${peer.toString(16)}`);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { peer, deadlineMs: this.#clock.monotonicMs() + timeoutMs, resolve, reject });
    });
  }

  /** A reply frame came from `peer`. One to a question that is not open any more is passed over. */
  replied(peer: MemberId, frame: Uint8Array): void {
    if (frame.length <= idBytes) throw new DecodeError("a reply without an outcome");
    const id = new DataView(frame.buffer, frame.byteOffset).getUint32(0);
    const asked = this.#asked.get(id);
    if (asked?.peer !== peer) return;
    this.#asked.delete(id);
    if (frame[idBytes] === outcomes.answered) asked.resolve(frame.slice(idBytes + 1));
    else asked.reject(new RaftNodeError("unreachable", `member ${peer.toString(16)} could not answer`));
  }

  /** To be called now and then. */
  expire(): void {
    const now = this.#clock.monotonicMs();
    this.#fail(({ deadlineMs }) => deadlineMs <= now, new RaftNodeError("timeout", "no reply in time"));
  }

  /** A connection to `peer` ended. */
  lost(peer: MemberId): void {
    const text = `the connection to member ${peer.toString(16)} ended before its reply`;
    this.#fail((asked) => asked.peer === peer, new RaftNodeError("unreachable", text));
  }

  close(): void {
    this.#fail(() => true, new RaftNodeError("stopped", "the node has stopped"));
  }

  #fail(which: (asked: Asked) => boolean, error: RaftNodeError): void {
    for (const [id, asked] of this.#asked) {
      if (!which(asked)) continue;
      this.#asked.delete(id);
      asked.reject(error);
    }
  }
}

/** Answers of this member to one connection. At most `questionsMax` are worked on; what is past it fails at once. */
export class Replies {
  readonly #answer: (payload: Uint8Array) => Promise<Uint8Array>;
  readonly #send: (reply: Uint8Array) => void;
  #underWay = 0;

  constructor(options: {
    readonly answer: (payload: Uint8Array) => Promise<Uint8Array>;
    readonly send: (reply: Uint8Array) => void;
  }) {
    this.#answer = options.answer;
    this.#send = options.send;
  }

  asked(question: Uint8Array): void {
    if (question.length < idBytes) throw new DecodeError("a question without an id");
    const id = question.slice(0, idBytes);
    if (this.#underWay >= transportLimits.questionsMax) return this.#reply(id, outcomes.failed, new Uint8Array(0));
    this.#underWay += 1;
    this.#answer(question.slice(idBytes))
      .then(
        (answer) => this.#reply(id, outcomes.answered, answer),
        () => this.#reply(id, outcomes.failed, new Uint8Array(0)),
      )
      .finally(() => (this.#underWay -= 1));
  }

  #reply(id: Uint8Array, outcome: number, payload: Uint8Array): void {
    const reply = new Uint8Array(idBytes + 1 + payload.length);
    reply.set(id);
    reply[idBytes] = outcome;
    reply.set(payload, idBytes + 1);
    this.#send(reply);
  }
}
