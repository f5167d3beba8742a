import t from "tap";
import { ManualClock, utf8 } from "@triarch/base";
import { memoryStore } from "../src/index.ts";
import { failsWith, storeClientContract } from "./store-client-contract.ts";

storeClientContract("memory store", async () => {
  const clock = new ManualClock();
  return { store: memoryStore({ clock }), passTime: (ms) => clock.advance(ms) };
});

t.test("failNext makes the next operations fail and change nothing", async (t) => {
  const store = memoryStore({ clock: new ManualClock() });
  store.failNext({ code: "noLeader" }, 2);
  const write = { key: "/a", value: utf8("1"), expectedModRevision: 0 };
  await failsWith(t, store.put(write), { code: "noLeader" });
  await failsWith(t, store.readBarrier(), { code: "noLeader" });
  t.strictSame(await store.put(write), { kind: "written", revision: 2, previous: undefined });
  await store.close();
});
