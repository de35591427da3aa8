// A closed loop over HTTP, the same for both sides: drive.mjs restate|sluice URL CONCURRENCY SECONDS.
// Prints one JSON object. The token for sluice is in the environment as TOKEN.
import http from "node:http";

const [side, url, concurrency, seconds] = process.argv.slice(2);
const WARM_UP_MS = 1000;
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(concurrency) });
const input = { name: "Ada" };

function send(method, path, body) {
  return new Promise((resolve, reject) => {
    const text = body && JSON.stringify(body);
    const headers = { "content-type": "application/json" };
    if (text) headers["content-length"] = Buffer.byteLength(text);
    if (side === "sluice") headers.authorization = `Bearer ${process.env.TOKEN}`;
    const request = http.request(url + path, { agent, method, headers }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const said = Buffer.concat(chunks).toString();
        if (answer.statusCode >= 300) reject(new Error(`${path}: ${answer.statusCode} ${said}`));
        else resolve(said);
      });
    });
    request.on("error", reject);
    request.end(text);
  });
}

const once = {
  restate: async () => {
    const said = JSON.parse(await send("POST", "/bench/run", input));
    if (said.greeting !== "Hello, Ada") throw new Error(JSON.stringify(said));
  },
  sluice: async () => {
    const started = await send("POST", "/v1/executions", { stateMachine: "ten", input });
    const events = await send("GET", `/v1/executions/${JSON.parse(started).id}/events`);
    if (!events.includes("ExecutionSucceeded")) throw new Error(events);
  },
}[side];

const began = performance.now();
const from = began + WARM_UP_MS;
const until = from + Number(seconds) * 1000;
const times = [];
async function lane() {
  for (;;) {
    const started = performance.now();
    if (started >= until) return;
    await once();
    const ended = performance.now();
    if (ended >= from && ended <= until) times.push(ended - started);
  }
}
await Promise.all(Array.from({ length: Number(concurrency) }, lane));
agent.destroy();
times.sort((a, b) => a - b);
const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
console.log(
  JSON.stringify({
    side,
    concurrency: Number(concurrency),
    workflowsPerSecond: +(times.length / Number(seconds)).toFixed(1),
    p50Ms: +at(0.5).toFixed(2),
    p99Ms: +at(0.99).toFixed(2),
  }),
);
