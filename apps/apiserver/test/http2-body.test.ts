// Bodies over HTTP/2 as `kubectl create --raw` sends them: no Content-Type, no Content-Length.
import { connect } from "node:http2";
import t from "tap";
import { configMap, startTestServer, token } from "./support/test-server.ts";

const maps = "/api/v1/namespaces/default/configmaps";

t.test("a body over HTTP/2 is read though no header announces it", async (t) => {
  const server = await startTestServer();
  const session = connect(server.url, { ca: server.ca.certificatePem });
  t.teardown(async () => {
    session.destroy();
    await server.close();
  });
  const call = (method: string, path: string, body: string | undefined): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { ":method": method, ":path": path, authorization: `Bearer ${token}` };
      const stream = session.request(headers, { endStream: body === undefined });
      stream.once("response", (answer) => resolve(Number(answer[":status"])));
      stream.once("error", reject);
      if (body !== undefined) stream.end(body);
      stream.resume();
    });
  t.equal(await call("POST", maps, JSON.stringify(configMap("raw"))), 201);
  t.same((await server.call("GET", `${maps}/raw`)).body["data"], { a: "1" });
  t.equal(await call("POST", maps, undefined), 400, "and none is waited for where none comes");
  t.equal(await call("DELETE", `${maps}/raw`, undefined), 200);
});
