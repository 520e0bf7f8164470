import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { acceptWebSockets, toNodeHandler } from "nexus-event-system/node";
import { nexus } from "./nexus.ts";
import { signIn } from "./sign-in.ts";

const site = fastify();
site.post<{ Body: { name: string } }>("/sign-in", async ({ body }, reply) => {
  reply.header("set-cookie", signIn({ name: body.name, isStaff: false }));
  return `welcome, ${body.name}`;
});

const handle = toNodeHandler(nexus.handler({ basePath: "/nexus" }));
site.register(async (mount) => {
  // Here, and only here, bodies are left as they come: Nexus reads them itself.
  mount.removeAllContentTypeParsers();
  mount.addContentTypeParser("*", (_request, _payload, done) => done(null));
  const answer = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    handle(request.raw, reply.raw);
  };
  mount.all("/nexus", answer);
  mount.all("/nexus/*", answer);
});

await site.listen({ port: Number(process.env["PORT"] ?? 3000), host: "127.0.0.1" });
export const server = site.server;
acceptWebSockets(server, nexus, { basePath: "/nexus" });
