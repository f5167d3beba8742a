// What a request costs that finds a seat: classify, arrive, finish. Printed for people; no test.
import { FlowController, oneSeat, type Ticket } from "@triarch/flow-control";
import { catchAll, exempt, level, listPods, mandatorySchemas, schema } from "./simulation.ts";

const names = Array.from({ length: 11 }, (_, i) => `level-${i}`);
const controller = new FlowController({ seatsTotal: 600, waitingMax: 5000, waitingBytesMax: 2 ** 28, hashSeed: 1 });
const schemas = [...mandatorySchemas, ...names.map((name, i) => schema(name, name, { precedence: 100 + i }))];
controller.configure(schemas, [exempt, catchAll, ...names.map((name) => level(name))], 0);

const rounds = 1_000_000;
for (const group of ["exempt", "level-0", "level-10"]) {
  const user = { name: "jane", groups: ["some", group, "system:authenticated"] };
  const started: Ticket[] = [];
  for (let warm = 0; warm < 3; warm++) {
    const startedMs = performance.now();
    for (let i = 0; i < rounds; i++) {
      const arrival = { user, request: listPods, work: oneSeat, bytes: 0 };
      const ticket = controller.arrive(controller.classify(user, listPods), arrival, i, started);
      controller.finish(ticket, i + 1);
    }
    const ns = ((performance.now() - startedMs) * 1e6) / rounds;
    if (warm === 2) process.stdout.write(`${group}: ${Math.round(ns)} ns\n`);
  }
}
