// How a stopping server sends its clients away: HTTP/2 sessions get GOAWAY and keep their running requests, answers on
// HTTP/1.1 say `Connection: close`, `/readyz` turned before either.
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import http2 from "node:http2";
import https from "node:https";
import t from "tap";
import { configMap, startTestServer, testCa, token, until } from "./support/test-server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const authorization = `Bearer ${token}`;

t.test("GOAWAY and Connection: close; what runs ends in order", async (t) => {
  const server = await startTestServer();
  const session = http2.connect(server.url, { ca: testCa.certificatePem });
  session.on("error", () => undefined);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: testCa.certificatePem });
  t.teardown(() => {
    session.destroy();
    agent.destroy();
  });
  const overHttp1 = async (path: string): Promise<readonly [number | undefined, string | undefined]> => {
    const sent = https.get(`${server.url}${path}`, { agent, headers: { authorization } });
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.resume();
    await once(answer, "end");
    return [answer.statusCode, answer.headers.connection];
  };
  t.same(await overHttp1("/readyz"), [200, "keep-alive"]);
  const body = JSON.stringify(configMap("slow"));
  const running = session.request({
    ...{ ":method": "POST", ":path": maps, authorization },
    "content-type": "application/json",
  });
  running.write(body.slice(0, 10));
  // Answered behind what was sent before: the request has arrived.
  await new Promise((resolve) => session.ping(resolve));
  let isGoing = false;
  session.once("goaway", () => (isGoing = true));

  const closed = server.server.close();
  t.equal((await overHttp1("/readyz"))[0], 503, "first it says that it is not ready");
  t.notOk(isGoing, "and still takes requests");
  t.match(await overHttp1(maps), [200, "keep-alive"]);
  await until("GOAWAY", () => isGoing);
  t.same(await overHttp1(maps), [200, "close"], "a connection that is still used is told to go");
  running.end(body.slice(10));
  const [headers] = (await once(running, "response")) as [http2.IncomingHttpHeaders];
  t.match(headers, { ":status": 201 }, "what was running ended in order");
  running.resume();
  await once(running, "end");
  await closed;
  await server.close();
});
