import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { acceptWebSockets } from "nexus-event-system/node";
import { nexus } from "./nexus.ts";
import { signIn } from "./sign-in.ts";

const site = new Hono();
site.post("/sign-in", async (c) => {
  const { name } = await c.req.json<{ name: string }>();
  c.header("set-cookie", signIn({ name, isStaff: false }));
  return c.text(`welcome, ${name}`);
});

const handle = nexus.handler({ basePath: "/nexus" });
site.all("/nexus/*", (c) => handle(c.req.raw));

export const server = serve({ fetch: site.fetch, port: Number(process.env["PORT"] ?? 3000), hostname: "127.0.0.1" }) as Server;
acceptWebSockets(server, nexus, { basePath: "/nexus" });
