import { commandLine } from "./command-line.ts";
import { whenOutputCloses } from "./output.ts";

whenOutputCloses("end");
await commandLine(process.argv.slice(2));
