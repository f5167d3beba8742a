/** One member's link to one peer: dialed, open, lost, dialed again. */
import type { MemberId } from "@triarch/raft";
import type { SimProcess } from "./process.ts";
import type { SimTransport } from "./transport.ts";

/** An open link over which nothing can come for so long is given up. */
const silenceMaxMs = 2_500;

type State =
  | { readonly kind: "closed" }
  | { readonly kind: "dialing" }
  | { readonly kind: "open"; readonly peer: SimProcess; silentSinceMs: number | undefined };

export class PeerLink {
  readonly #transport: SimTransport;
  readonly #peerId: MemberId;
  #state: State = { kind: "closed" };
  /** When the last batch of a stream arrives; later ones come after it. */
  readonly #lastArrivalMs = { control: 0, bulk: 0 };

  constructor(transport: SimTransport, peerId: MemberId) {
    this.#transport = transport;
    this.#peerId = peerId;
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** To be called now and then. */
  lookAfter(): void {
    const { network, memberId, handlers } = this.#transport;
    const isReachable = network.isReachable(memberId, this.#peerId);
    const there = network.transportOf(this.#peerId);
    if (this.#state.kind === "closed" && isReachable) {
      if (there?.isListening === true) this.#dial(there);
      else if (network.world.chance(0.3)) handlers.onPeerLost(this.#peerId);
    }
    if (this.#state.kind !== "open") return;
    if (isReachable && there?.process === this.#state.peer) {
      this.#state.silentSinceMs = undefined;
    } else if (isReachable && there !== undefined) {
      this.#lose(); // Another process answers: it knows nothing of this connection.
    } else {
      this.#state.silentSinceMs ??= network.world.nowMs;
      if (network.world.nowMs - this.#state.silentSinceMs > silenceMaxMs) this.#lose();
    }
  }

  carry(stream: "control" | "bulk", bytes: Uint8Array): void {
    if (this.#state.kind !== "open") return;
    const { network, memberId } = this.#transport;
    const { world, traffic, reached } = network;
    const { peer } = this.#state;
    if (world.chance(traffic.lossRate)) {
      reached.lost += 1;
      return;
    }
    const arrive = (isRepeated: boolean) => (): void => {
      const there = network.transportOf(this.#peerId);
      if (there?.process === peer) peer.enter(() => there.receive(memberId, bytes, isRepeated));
    };
    let arrivalMs = world.nowMs + this.#delayMs();
    if (world.chance(traffic.reorderRate)) reached.reordered += 1;
    else arrivalMs = Math.max(arrivalMs, this.#lastArrivalMs[stream]);
    this.#lastArrivalMs[stream] = Math.max(arrivalMs, this.#lastArrivalMs[stream]);
    network.carry(memberId, this.#peerId, arrivalMs - world.nowMs, arrive(false));
    if (!world.chance(traffic.duplicateRate)) return;
    reached.duplicated += 1;
    network.carry(memberId, this.#peerId, arrivalMs - world.nowMs + this.#delayMs() * 5, arrive(true));
  }

  reset(process: SimProcess): void {
    if (this.#state.kind === "open" && this.#state.peer === process) this.#transport.process.enter(() => this.#lose());
  }

  #delayMs(): number {
    const { world, traffic } = this.#transport.network;
    const spike = world.chance(0.02) ? 20 : 1;
    return world.between(0.05, traffic.delayMaxMs) * spike;
  }

  #dial(there: SimTransport): void {
    const { network, memberId, process } = this.#transport;
    if (there.refuses(memberId)) {
      network.reached.refusedPeers += 1;
      return;
    }
    this.#state = { kind: "dialing" };
    process.world.after(this.#delayMs() * 2, () => {
      process.enter(() => {
        if (this.#state.kind !== "dialing") return;
        const answers = network.transportOf(this.#peerId) === there && there.isListening;
        const isWelcome = answers && network.isReachable(memberId, this.#peerId) && !there.refuses(memberId);
        this.#state = isWelcome ? { kind: "open", peer: there.process, silentSinceMs: undefined } : { kind: "closed" };
        if (isWelcome) this.#transport.handlers.onPeerConnected(this.#peerId);
      });
    });
  }

  #lose(): void {
    if (this.#state.kind !== "open") return;
    this.#state = { kind: "closed" };
    this.#transport.handlers.onPeerLost(this.#peerId);
  }
}
