// The paths of proxies have routes of their own, because their bodies are not read here: they are passed on as they come,
// however long they are.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const places = [
  "/api/v1/nodes/:name/proxy",
  "/api/v1/namespaces/:namespace/pods/:name/proxy",
  "/api/v1/namespaces/:namespace/services/:name/proxy",
];

export async function addProxyRoutes(
  app: FastifyInstance,
  serve: (request: FastifyRequest, reply: FastifyReply) => Promise<void>,
): Promise<void> {
  await app.register(async (own) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser("*", (_request, _payload, done) => done(null, undefined));
    for (const place of places) {
      for (const url of [place, `${place}/*`]) {
        own.route({ method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], url, handler: serve });
      }
    }
  });
}
