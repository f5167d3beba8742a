// Masters of one cluster have one key for the tokens of service accounts: what one issues another accepts.
import t from "tap";
import { systemClock } from "@triarch/base";
import { memoryStore } from "@triarch/etcd-server";
import { createSigningKey } from "@triarch/pki";
import { startTestServer } from "./support/test-server.ts";

const accounts = "/api/v1/namespaces/default/serviceaccounts";
const review = "/apis/authentication.k8s.io/v1/tokenreviews";

t.test("a token of one master is good at the other, and only with the same key", async (t) => {
  const memory = memoryStore({ clock: systemClock });
  const serviceAccountKeyPem = await createSigningKey();
  const [first, second, stranger] = await Promise.all([
    startTestServer({ memory, serviceAccountKeyPem }),
    startTestServer({ memory, serviceAccountKeyPem }),
    startTestServer({ memory }),
  ]);
  t.teardown(() => Promise.all([first, second, stranger].map((server) => server.close())));
  await first.call("POST", accounts, { metadata: { name: "robot" } });
  const issued = await first.call("POST", `${accounts}/robot/token`, { spec: {} });
  const { token } = issued.body["status"] as { readonly token: string };
  // The account was made a moment ago at another master: the store is asked where the cache does not know it yet.
  t.match((await second.call("POST", review, { spec: { token } })).body, {
    status: { authenticated: true, user: { username: "system:serviceaccount:default:robot" } },
  });
  t.match((await stranger.call("POST", review, { spec: { token } })).body, {
    status: { error: /invalid bearer token/ },
  });
  await second.call("DELETE", `${accounts}/robot`);
  t.match((await second.call("POST", review, { spec: { token } })).body, { status: { error: /invalidated/ } });
});
