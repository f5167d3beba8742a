// Scenario of a fixed bug: a master that started beside others found the API service's address taken by another one
// whose service was not written yet, and ended.
import t from "tap";
import { systemClock } from "@triarch/base";
import { memoryStore } from "@triarch/etcd-server";
import { startTestServer } from "./support/test-server.ts";

t.test("several masters that start on an empty store at once all serve", async (t) => {
  const memory = memoryStore({ clock: systemClock });
  const masters = await Promise.all([1, 2, 3].map(() => startTestServer({ memory })));
  for (const master of masters) {
    t.equal((await master.call("GET", "/api/v1/namespaces/default/services/kubernetes")).statusCode, 200);
  }
  for (const master of masters) await master.close();
});
