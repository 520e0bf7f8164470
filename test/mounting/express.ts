import { createServer } from "node:http";
import express from "express";
import { acceptWebSockets, toNodeHandler } from "nexus-event-system/node";
import { nexus } from "./nexus.ts";
import { signIn } from "./sign-in.ts";

const site = express();
site.use(express.json());
site.post("/sign-in", (request, response) => {
  const { name } = request.body as { name: string };
  response.setHeader("set-cookie", signIn({ name, isStaff: false }));
  response.send(`welcome, ${name}`);
});
site.use("/nexus", toNodeHandler(nexus.handler({ basePath: "/nexus" })));

export const server = createServer(site).listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1");
acceptWebSockets(server, nexus, { basePath: "/nexus" });
