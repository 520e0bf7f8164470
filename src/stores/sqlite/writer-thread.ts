import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { Additions } from "./addition.ts";
import { connect } from "./connection.ts";
import { type FromWriter, type ToWriter, unpack, type WriterData } from "./writer-messages.ts";

const port = parentPort as MessagePort;
const { file, sync, indexKeys } = workerData as WriterData;
const db = connect(file, sync, { fileMustExist: true });
const additions = new Additions(db, indexKeys);
const tell = (message: FromWriter): void => port.postMessage(message);

port.on("message", (message: ToWriter) => {
  if (message === "close") {
    db.close();
    port.close();
    return;
  }
  try {
    tell(additions.write(unpack(message)) ? "indexed" : "written");
  } catch {
    // Whoever sent it does it again, and finds out why it cannot be done.
    tell("refused");
  }
});
tell("ready");
