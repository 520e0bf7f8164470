import { createServer } from "node:http";
import express from "express";
import { acceptWebSockets, toNodeHandler } from "nexus-event-system/node";
import app from "./app.ts";

const site = express();
site.use("/nexus", toNodeHandler(app.handler({ basePath: "/nexus" })));
export const server = createServer(site).listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1");
acceptWebSockets(server, app, { basePath: "/nexus" });
