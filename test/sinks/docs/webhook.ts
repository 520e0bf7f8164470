import { webhook } from "nexus-event-system/sinks";
import app from "./app.ts";

const url = process.env["BILLING_URL"] as string; // https://billing.example.com/nexus
const secret = process.env["BILLING_SECRET"] as string;
// In development the receiver is on this machine.
const allowLoopback = process.env["NODE_ENV"] !== "production";
app.consumer("billing", { type: "order.*" }, webhook({ url, secret, allowLoopback }));
