// The load generator, a process of its own: what it costs is told beside what it measured.
import { runLoop } from "./closed-loop.ts";
import { fetchWhole } from "./fetch-whole.ts";
import type { FromLoad, LoadOrder, LoadTargets, ToLoad } from "./protocol.ts";
import { sendUpdates, Watchers } from "./watchers.ts";

let targets: LoadTargets | undefined;
const watchers: Watchers[] = [];

process.on("message", (message: ToLoad) => {
  if (message.kind === "targets") targets = message.targets;
  else void answer(message.id, message.order);
});
process.once("disconnect", () => process.exit(0));

async function answer(id: number, order: LoadOrder): Promise<void> {
  try {
    if (targets === undefined) throw new Error("an order before the targets");
    tell({ kind: "done", id, result: await carryOut(targets, order) });
  } catch (error) {
    tell({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
  }
}

async function carryOut(to: LoadTargets, order: LoadOrder): Promise<unknown> {
  switch (order.kind) {
    case "loop":
      return runLoop(to, order);
    case "fetch":
      return fetchWhole(to, order);
    case "watch":
      watchers.push(await Watchers.open(to, order));
      return undefined;
    case "updates":
      return sendUpdates(to, order, watchers);
    case "unwatch":
      for (const one of watchers.splice(0)) one.close();
      return undefined;
  }
}

function tell(message: FromLoad): void {
  process.send?.(message);
}
