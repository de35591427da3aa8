// The service that Restate calls: ten durable steps, each of which greets whoever the input names.
// Prints its port once it listens.
import http2 from "node:http2";
import * as restate from "@restatedev/restate-sdk";

const bench = restate.service({
  name: "bench",
  handlers: {
    run: async (ctx, input) => {
      let greeting;
      for (let step = 1; step <= 10; step++) {
        greeting = await ctx.run(`Step${step}`, () => `Hello, ${input.name}`);
      }
      return { ...input, greeting };
    },
  },
});

const server = http2.createServer(restate.createEndpointHandler({ services: [bench] }));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
