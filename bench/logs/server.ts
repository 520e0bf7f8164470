import { Nexus, sqliteStore } from "nexus-event-system";
import { job, tell } from "../parent.ts";
import type { LargeLog } from "./large-logs.ts";

/** A server on a log that is there. It tells when it listens: since the start of its process, and of `start()` alone. */
const { file } = job<LargeLog>();
const from = performance.now();
const app = new Nexus({ name: "bench", store: sqliteStore(file) });
const { url } = await app.start({ host: "127.0.0.1", port: 0 });
const at = performance.now();
tell({ kind: "listening", port: Number(new URL(url ?? "").port), ms: at, startMs: at - from });
process.on("message", ({ kind }: { readonly kind: string }) => {
  if (kind === "stop") void app.stop().then(() => tell({ kind: "stopped" }));
});
