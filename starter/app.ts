import { Nexus } from "nexus-event-system";
import { OrderShipped, shipOrder } from "./workflows.ts";

const app = new Nexus({ name: "shop", workflows: [shipOrder], events: [OrderShipped] });

app.onEvent(OrderShipped, (event) => console.log(`${event.data.orderId} left in ${event.data.parcels} parcels`));

export default app;
