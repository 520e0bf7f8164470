import { type Running, Service, serviceIn } from "./service.ts";

/** JetStream as it comes: streams in files, which are synced every two minutes and not before a message is acknowledged. */
export function natsIn(folder: string): Promise<Running> {
  return serviceIn(folder, natsOn);
}

/** On a folder that stays. */
export function natsOn(folder: string): Promise<Service> {
  return Service.start("nats-server", (port) => ["--addr", "127.0.0.1", "--port", `${port}`, "--jetstream", "--store_dir", folder]);
}
