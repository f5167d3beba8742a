// Startup, liveness and readiness probes of the running containers of one pod. Each probe has a timer of its own; a changed
// outcome wakes the pod's worker. Readiness and liveness wait until the startup probe passed.
import type { Container, Probe } from "@triarch/api";
import type { ProbeOutcome } from "../pods/pod-plan.ts";
import { runCheck, type CheckResult, type ProbeTarget } from "./probe-check.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeManagerOptions {
  /** An outcome changed. */
  changed(): void;
  /** Checks fail: the first of a row, and every tenth; for the Unhealthy event. */
  failed(container: Container, kind: ProbeKind, failure: string): void;
}

/** Of failures in a row, one in so many is told: a probe each second would flood the API with events. */
const toldFailures = 10;

interface ProbeRun {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  timer: NodeJS.Timeout | undefined;
  successes: number;
  failures: number;
  /** Undefined until a threshold was reached. */
  passed: boolean | undefined;
}

interface ContainerProbes {
  readonly target: ProbeTarget;
  readonly runs: readonly ProbeRun[];
  readonly startedAtMs: number;
  stopped: boolean;
}

export class ProbeManager {
  readonly #options: ProbeManagerOptions;
  readonly #containers = new Map<string, ContainerProbes>();

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
  }

  /** The containers that run now; probes of others stop. */
  sync(targets: readonly ProbeTarget[]): void {
    const wanted = new Set(targets.map((one) => one.containerId));
    for (const [id, probes] of this.#containers) {
      if (wanted.has(id)) continue;
      stop(probes);
      this.#containers.delete(id);
    }
    for (const target of targets) {
      if (!this.#containers.has(target.containerId)) this.#start(target);
    }
  }

  /** Containers that are not probed (yet) count as started and ready unless a probe says otherwise. */
  outcome(containerId: string): ProbeOutcome {
    const probes = this.#containers.get(containerId);
    if (probes === undefined) return { started: false, ready: false };
    const state = (kind: ProbeKind): boolean | undefined | "none" => {
      const run = probes.runs.find((one) => one.kind === kind);
      return run === undefined ? "none" : run.passed;
    };
    const startup = state("startup");
    const started = startup === "none" || startup === true;
    const readiness = state("readiness");
    const failedKind = startup === false ? "startup" : state("liveness") === false ? "liveness" : undefined;
    const name = probes.target.container.name;
    return {
      started,
      ready: started && (readiness === "none" || readiness === true),
      ...(failedKind === undefined
        ? {}
        : { failed: `Container ${name} failed ${failedKind} probe, will be restarted` }),
    };
  }

  close(): void {
    this.sync([]);
  }

  #start(target: ProbeTarget): void {
    const { startupProbe, livenessProbe, readinessProbe } = target.container;
    const run = (kind: ProbeKind, probe: Probe | undefined): ProbeRun[] =>
      probe === undefined ? [] : [{ kind, probe, timer: undefined, successes: 0, failures: 0, passed: undefined }];
    const probes: ContainerProbes = {
      target,
      runs: [...run("startup", startupProbe), ...run("liveness", livenessProbe), ...run("readiness", readinessProbe)],
      startedAtMs: performance.now(),
      stopped: false,
    };
    this.#containers.set(target.containerId, probes);
    for (const one of probes.runs) this.#schedule(probes, one, (one.probe.initialDelaySeconds ?? 0) * 1000);
  }

  #schedule(probes: ContainerProbes, run: ProbeRun, delayMs: number): void {
    if (probes.stopped) return;
    run.timer = setTimeout(() => void this.#once(probes, run), delayMs);
  }

  async #once(probes: ContainerProbes, run: ProbeRun): Promise<void> {
    const periodMs = (run.probe.periodSeconds ?? 10) * 1000;
    const startup = probes.runs.find((one) => one.kind === "startup");
    // Others wait for the startup probe, which itself ends once it passed.
    if (run.kind !== "startup" && startup !== undefined && startup.passed !== true) {
      return this.#schedule(probes, run, Math.min(periodMs, 1000));
    }
    const result = await runCheck(run.probe, probes.target, (run.probe.timeoutSeconds ?? 1) * 1000);
    if (probes.stopped) return;
    const before = run.passed;
    count(run, result);
    if (!result.ok && (run.failures === 1 || run.failures % toldFailures === 0)) {
      this.#options.failed(probes.target.container, run.kind, result.failure);
    }
    if (run.passed !== before) this.#options.changed();
    const over = run.kind === "startup" && run.passed !== undefined;
    if (!over) this.#schedule(probes, run, before === undefined ? Math.min(periodMs, 10_000) : periodMs);
  }
}

/** Applies the thresholds. Readiness is false from the start; a first success or failure threshold decides. */
function count(run: ProbeRun, result: CheckResult): void {
  run.successes = result.ok ? run.successes + 1 : 0;
  run.failures = result.ok ? 0 : run.failures + 1;
  if (result.ok && run.successes >= (run.probe.successThreshold ?? 1)) run.passed = true;
  if (!result.ok && run.failures >= (run.probe.failureThreshold ?? 3)) run.passed = false;
}

function stop(probes: ContainerProbes): void {
  probes.stopped = true;
  for (const run of probes.runs) clearTimeout(run.timer);
}
