// What the JavaScript clients share keeps to its options: prints what was seen, as JSON. The module
// is at argv[2], a service at argv[3].
const { request, retrying, ask, Refused } = await import(process.argv[2]);
const url = process.argv[3];
const seen = {};

/** A fetch whose first answers are these, and then the service's. */
const answering = (...answers) => async (target, init) => {
  seen.tokens.push(init.headers.get("Authorization"));
  const answer = answers.shift();
  if (answer instanceof Error) throw answer;
  return answer ?? fetch(target, init);
};

async function see(name, { answers = [], ...options }) {
  seen.tokens = [];
  const states = [];
  const onState = ({ state, milliseconds }) => states.push(milliseconds ? `${state} ${Math.floor(milliseconds / 1000)}` : state);
  let token = 0;
  const headers = async () => ({ Authorization: `token ${++token}` });
  const all = { fetch: answering(...answers), headers, onState, ...options };
  const result = await ask(url, {}, all).then((response) => response.status, String);
  seen[name] = { result, states, tokens: seen.tokens };
}

const busy = (status, after) => new Response(null, { status, headers: { "Retry-After": after } });
await see("works", {});
await see("breaks", { answers: [new TypeError("broken")] });
await see("is busy", { answers: [busy(503, "1")] });
await see("has a date", { answers: [busy(429, new Date(Date.now() + 3000).toUTCString())], signal: AbortSignal.timeout(300) });
await see("is refused", { answers: [new Response("no", { status: 404 })] });
await see("gives up", { answers: [new TypeError("one"), new TypeError("two")], attempts: 2 });
await see("is cancelled", { answers: [busy(503, "60")], signal: AbortSignal.timeout(100) });
await see("is silent", { fetch: (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))), stallSeconds: 0.1, attempts: 1 });
delete seen.tokens;

// Waits grow, each a little by chance.
const waits = [];
const broken = async function* () {
  throw new Error("broken");
};
const quick = { attempts: 5, firstBackoff: () => 10, onState: ({ milliseconds }) => milliseconds && waits.push(milliseconds) };
seen.error = await retrying(broken, quick).next().catch(String);
seen.waits = waits;

globalThis.document = { baseURI: new URL("/page/", url).href };
seen.relative = (await request("../healthz", {}, {})).response.url === new URL("/healthz", url).href;
seen.refused = await request("/nope", {}, {}).catch((error) => [error instanceof Refused, error.response.status]);
console.log(JSON.stringify(seen));
process.exit();
