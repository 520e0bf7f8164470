import { Nexus, sqliteStore } from "nexus-event-system";
import { TYPE } from "../event.ts";
import { job } from "../parent.ts";
import { publisher } from "./publisher.ts";

/** A started app. Each event is in the log, and on the disk, before a reader gets it. */
const { file } = job<{ readonly file: string }>();
const app = new Nexus({ name: "bench", store: sqliteStore(file) });
const { url } = await app.start({ host: "127.0.0.1", port: 0 });
publisher((data) => app.emitEvent(TYPE, data), Number(new URL(url ?? "").port));
