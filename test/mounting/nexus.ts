import { defineWorkflow, Nexus } from "nexus-event-system";
import { userOf } from "./sign-in.ts";

const hello = defineWorkflow("hello", (_inputs, ctx) => `hello ${ctx.userId}`);

export const nexus = new Nexus({
  workflows: [hello],
  http: { allowedHosts: ["app.example"] },
  auth: {
    authenticate(request) {
      const user = userOf(request.headers.get("cookie"));
      if (user === undefined) return undefined;
      if (user.isStaff) return { userId: user.name, scopes: ["admin"] };
      return { userId: user.name, scopes: ["workflows:read", "workflows:run", "events:read", "events:emit", "sessions:write"] };
    },
  },
});
