// What npm's `eventsource` and `eventsource-parser` make of streams: reads JSON, writes JSON.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { EventSource } = require("eventsource");
const { createParser } = require("eventsource-parser");

/** The events of a body that comes in pieces of some bytes. */
function parse(body, size) {
  const events = [];
  const parser = createParser({ onEvent: ({ id, event, data }) => events.push([id ?? null, event || "message", data]) });
  const decoder = new TextDecoder();
  for (let i = 0; i < body.length; i += size) parser.feed(decoder.decode(body.subarray(i, i + size), { stream: true }));
  return events;
}

/** The events of `names` until the stream ends, or there are as many as wanted. */
function follow(url, names, count = Infinity) {
  return new Promise((resolve) => {
    const events = [];
    const source = new EventSource(url);
    const finish = () => {
      source.close();
      resolve(events);
    };
    for (const name of names)
      source.addEventListener(name, ({ type, data, lastEventId }) => {
        if (events.push([lastEventId, type, data]) === count) finish();
      });
    if (count === Infinity) source.onerror = finish;
  });
}

const { streams, fuzzed, broken, published, count } = JSON.parse(await text(process.stdin));
const results = { parsed: [], followed: [] };
for (const stream of streams) {
  const body = Buffer.from(stream, "base64");
  results.parsed.push([1, 7, body.length].map((size) => parse(body, size)));
  results.followed.push(await follow(fuzzed, ["message", "ping"]));
}
results.broken = await follow(broken, ["message"], 2);
results.published = await follow(published, ["message"], count);
console.log(JSON.stringify(results));
