import { nexus as fresh } from "../../../nexus.ts";

// While you edit, Next evaluates modules again; the app that has its log open stays the one.
const kept = globalThis as { nexus?: typeof fresh };
kept.nexus ??= fresh;

const handle = kept.nexus.handler({ basePath: "/nexus" });

export { handle as DELETE, handle as GET, handle as PATCH, handle as POST };
export const dynamic = "force-dynamic";
