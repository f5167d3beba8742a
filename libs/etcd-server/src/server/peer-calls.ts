import { concatBytes, utf8, utf8Text } from "@triarch/base";
import {
  HashKvRequest,
  HashKvResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  MemberAddRequest,
  MemberAddResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberReplaceRequest,
  MemberReplaceResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
  type MessageType,
} from "@triarch/etcd-proto";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError, type EtcdServerFailure } from "./errors.ts";
import { ofRaft } from "./reads.ts";

/**
 * What members ask each other directly: requests that only one member can answer and that make no log entry. On the
 * wire a call is `kind u8 | request`, a reply `0 | response` or `1 | code of the failure as text`.
 */
const calls = {
  leaseKeepAlive: call(1, LeaseKeepAliveRequest, LeaseKeepAliveResponse),
  leaseTimeToLive: call(2, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse),
  memberAdd: call(8, MemberAddRequest, MemberAddResponse),
  memberRemove: call(9, MemberRemoveRequest, MemberRemoveResponse),
  memberUpdate: call(10, MemberUpdateRequest, MemberUpdateResponse),
  memberPromote: call(11, MemberPromoteRequest, MemberPromoteResponse),
  memberReplace: call(12, MemberReplaceRequest, MemberReplaceResponse),
  hashKv: call(16, HashKvRequest, HashKvResponse),
};

interface PeerCall<In, InInit, Out, OutInit> {
  readonly kind: number;
  readonly input: MessageType<In, InInit>;
  readonly output: MessageType<Out, OutInit>;
}

type Calls = typeof calls;
export type PeerCallName = keyof Calls;
export type PeerRequest<N extends PeerCallName> = ReturnType<Calls[N]["input"]["decode"]>;
export type PeerResponse<N extends PeerCallName> = ReturnType<Calls[N]["output"]["decode"]>;
type Answerer = (request: never) => Promise<unknown>;

const answered = Uint8Array.of(0);
const refused = Uint8Array.of(1);
/** Failures that cross over; whatever else happens over there is "unavailable" here and may be tried again. */
const crossing: ReadonlySet<string> = new Set(["notLeader", "timeout", "tooManyRequests", "stopped", "memberNotFound"]);
const memberRefusals = [
  "memberExists",
  "peerUrlsExist",
  "badMemberUrls",
  "notEnoughStartedMembers",
  "unhealthyCluster",
  "memberNotLearner",
  "learnerNotReady",
  "tooManyLearners",
] as const;

export class PeerCalls {
  readonly #answerers = new Map<number, { readonly name: PeerCallName; readonly answer: Answerer }>();

  /** This member answers such calls from now on; before that the callers find nobody. */
  serve<N extends PeerCallName>(name: N, answer: (request: PeerRequest<N>) => Promise<PeerResponse<N>>): void {
    this.#answerers.set(calls[name].kind, { name, answer });
  }

  /** For Raft's driver. @throws Error for a call that nobody serves here */
  async answer(question: Uint8Array): Promise<Uint8Array> {
    const served = this.#answerers.get(question[0] ?? 0);
    if (served === undefined) throw new Error(`nobody serves peer calls of kind ${question[0] ?? 0}`);
    const { input, output } = calls[served.name];
    try {
      const response = await served.answer(input.decode(question.subarray(1)) as never);
      return concatBytes([answered, output.encode(response as never)]);
    } catch (error) {
      const text = error instanceof EtcdServerError ? crossingText(error.failure) : undefined;
      if (text === undefined) throw error;
      return concatBytes([refused, utf8(text)]);
    }
  }

  /** @throws EtcdServerError what the other member refused with; "unreachable" | "timeout" | "stopped" */
  async call<N extends PeerCallName>(request: {
    readonly consensus: Pick<Consensus, "ask">;
    readonly to: bigint;
    readonly name: N;
    readonly body: Parameters<Calls[N]["input"]["encode"]>[0];
    readonly timeoutMs: number;
  }): Promise<PeerResponse<N>> {
    const { kind, input, output } = calls[request.name];
    const question = concatBytes([Uint8Array.of(kind), input.encode(request.body)]);
    let reply: Uint8Array;
    try {
      reply = await request.consensus.ask(request.to, question, { timeoutMs: request.timeoutMs });
    } catch (error) {
      throw ofRaft(error);
    }
    if (reply[0] === 0) return output.decode(reply.subarray(1)) as PeerResponse<N>;
    throw new EtcdServerError(failureOf(utf8Text(reply.subarray(1))));
  }
}

function call<In, InInit, Out, OutInit>(
  kind: number,
  input: MessageType<In, InInit>,
  output: MessageType<Out, OutInit>,
): PeerCall<In, InInit, Out, OutInit> {
  return { kind, input, output };
}

/** @returns undefined for what stays here */
function crossingText(failure: EtcdServerFailure): string | undefined {
  const { code } = failure;
  if (!crossing.has(code) && !memberRefusals.some((one) => one === code)) return undefined;
  return code === "memberNotFound" ? `${code} ${failure.memberId}` : code;
}

function failureOf(text: string): EtcdServerFailure {
  const [code = "", subject = "0"] = text.split(" ");
  if (code === "memberNotFound") return { code, memberId: BigInt(subject) };
  const refusal = memberRefusals.find((one) => one === code);
  if (refusal !== undefined) return { code: refusal };
  if (code === "notLeader" || code === "tooManyRequests") return { code };
  return code === "timeout" ? { code, cause: "none" } : { code: "unreachable" };
}
