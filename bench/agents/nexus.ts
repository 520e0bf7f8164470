import { Nexus, sqliteStore } from "nexus-event-system";
import { TYPE } from "../event.ts";
import { job } from "../parent.ts";
import type { AgentsJob } from "./part.ts";
import { agentsServer } from "./server.ts";

/** A started app: the event is on the disk before anybody's wait ends. */
const { file } = job<AgentsJob>();
const app = new Nexus({ name: "bench", store: sqliteStore(file) });
const { url } = await app.start({ host: "127.0.0.1", port: 0 });
agentsServer((data) => app.emitEvent(TYPE, data), Number(new URL(url ?? "").port));
