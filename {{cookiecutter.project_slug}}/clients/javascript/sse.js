// Follow server-sent events with `fetch`, in browsers and in Node: reconnects by itself and resumes
// after the last event. Unlike a browser's own EventSource it can send headers, is stopped by a
// signal, notices a connection that went quiet, and says why the server refuses it.
// To copy: this file as far as the program, and streaming/connection.js.
import { Refused, request, retrying } from "./streaming/connection.js";

// The server sends a comment every 15 seconds: three that are missing mean a dead connection.
const STALL_SECONDS = 45;
// Not text/event-stream alone: a browser's EventSource, which does so, is never refused.
const ACCEPT = "text/event-stream, application/problem+json";

/**
 * @typedef {object} Event
 * @property {string} id
 * @property {string} event its name
 * @property {string} data
 */

// --8<-- [start:read]
/**
 * Yields events without an end, from behind `lastEventId` on.
 *
 * Throws `Refused` when the server refuses the request or its answer is no event stream. After all
 * else it connects again: after the server's own time, twice as long after each further failure,
 * and always a little later than all others do.
 *
 * @param {string | URL} url
 * @param {import("./streaming/connection.js").ConnectionOptions & { lastEventId?: string }} [options]
 * @returns {AsyncGenerator<Event>}
 */
export async function* readEvents(url, { lastEventId = "", ...given } = {}) {
  let retryMilliseconds = 1000;
  const firstBackoff = () => retryMilliseconds;
  const options = { attempts: Infinity, stallSeconds: STALL_SECONDS, ...given, firstBackoff };
  const readOn = async function* () {
    const headers = { Accept: ACCEPT, ...(lastEventId && { "Last-Event-ID": lastEventId }) };
    const { response, chunks } = await request(url, { headers, cache: "no-store" }, options);
    checkType(response);
    yield* parseEvents(chunks());
    throw new Error("The stream has ended.");
  };
  for await (const { id, retry, event, data } of retrying(readOn, options)) {
    retryMilliseconds = Number(retry ?? retryMilliseconds);
    lastEventId = id ?? lastEventId;
    if (data !== undefined) yield { id: lastEventId, event: event || "message", data };
  }
}
// --8<-- [end:read]

function checkType(response) {
  const type = response.headers.get("Content-Type");
  if (type?.split(";")[0].trim().toLowerCase() === "text/event-stream") return;
  response.body?.cancel();
  // To Chromium a connection that ends within headers is a whole answer.
  if (type === null) throw new Error("The answer has no Content-Type.");
  throw new Refused(`The answer is no event stream, but ${type}.`, response);
}

/**
 * The event stream format (WHATWG HTML, section 9.2.6): yields the fields of each block.
 *
 * @param {AsyncIterable<Uint8Array>} chunks
 * @returns {AsyncGenerator<Partial<Event & { retry: string }>>}
 */
export async function* parseEvents(chunks) {
  let fields = {};
  for await (const line of lines(chunks)) {
    if (line === "") {
      yield fields;
      fields = {};
      continue;
    }
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name === "event") fields.event = value;
    else if (name === "id" && !value.includes("\0")) fields.id = value;
    else if (name === "retry" && /^[0-9]{1,9}$/.test(value)) fields.retry = value;
  }
}

/** The lines that have ended, each as soon as it has. Only CR, LF and CRLF end one. */
async function* lines(chunks) {
  const decoder = new TextDecoder();
  let rest = "";
  let followsCr = false;
  for await (const chunk of chunks) {
    const value = decoder.decode(chunk, { stream: true });
    if (value === "") continue;
    // The line feed of a CRLF that was cut in two ends nothing.
    const text = followsCr && value.startsWith("\n") ? value.slice(1) : value;
    followsCr = value.endsWith("\r");
    const parts = (rest + text).split(/\r\n|\n|\r/);
    rest = parts.pop();
    yield* parts;
  }
}

// The program.
const USAGE = `Usage: node clients/javascript/sse.js [options] [URL]
Prints the id, name and data of each event.
  --last-event-id ID resume after this event`;
const OPTIONS = { "last-event-id": { type: "string" } };

async function main({ values, positionals, connection, print }) {
  const [url = "http://127.0.0.1:8000/events/readings"] = positionals;
  const options = { lastEventId: values["last-event-id"], ...connection };
  for await (const { id, event, data } of readEvents(url, options)) {
    await print(`${id} ${event} ${data}\n`);
  }
}

if (globalThis.process?.argv[1]) {
  import("./streaming/program.js").then(({ run }) => run(import.meta, USAGE, OPTIONS, main));
}
