import { AlarmMember, AlarmType } from "@triarch/etcd-proto";

/** Raised alarms, as the log says. Each is a row whose key is the message and whose value is empty. */
export class Alarms {
  readonly #raised = new Map<string, AlarmMember>();

  /** @returns false when it was raised before */
  raise(alarm: AlarmMember): boolean {
    const id = alarmId(alarm);
    if (this.#raised.has(id)) return false;
    this.#raised.set(id, alarm);
    return true;
  }

  /** @returns false when it was not raised */
  clear(alarm: AlarmMember): boolean {
    return this.#raised.delete(alarmId(alarm));
  }

  reset(alarms: readonly AlarmMember[]): void {
    this.#raised.clear();
    for (const alarm of alarms) this.raise(alarm);
  }

  /** @param type `AlarmType.none`: all of them */
  list(type: number = AlarmType.none): readonly AlarmMember[] {
    return [...this.#raised.values()].filter((one) => type === AlarmType.none || one.alarm === type);
  }

  has(type: number): boolean {
    return this.list(type).length > 0;
  }

  /** Data differ and nobody knows who is right: nothing is served. The alarm of one member stops that member only. */
  get hasCorruptCluster(): boolean {
    return this.list(AlarmType.corrupt).some(({ memberId }) => memberId === 0n);
  }

  /** The member is not to serve what it has. */
  isOutOfService(memberId: bigint): boolean {
    return this.list(AlarmType.corrupt).some((alarm) => alarm.memberId === memberId || alarm.memberId === 0n);
  }
}

export function alarmKey(alarm: AlarmMember): Uint8Array {
  return AlarmMember.encode(alarm);
}

function alarmId(alarm: AlarmMember): string {
  return `${alarm.memberId.toString(16)}/${alarm.alarm}`;
}
