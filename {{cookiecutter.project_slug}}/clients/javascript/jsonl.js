// Read records as JSON Lines, in browsers and in Node: resumes after a break, and refuses a stream
// without its end.
const USAGE = "Usage: node clients/javascript/jsonl.js [--attempts N] [URL]";

// No text that a server sends begins with it.
const MARK = `integer ${Math.random()} `;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, "g");
const MAY_BE_LARGE = /\d{16}/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

export class TruncatedStream extends Error {}

/** `JSON.parse` with integers beyond 2^53 as `BigInt`: as numbers they would be others. */
export function parse(line) {
  if (!MAY_BE_LARGE.test(line)) return JSON.parse(line);
  const marked = line.replace(STRING_OR_NUMBER, (token) => (isLarge(token) ? `"${MARK}${token}"` : token));
  const isMarked = (value) => typeof value === "string" && value.startsWith(MARK);
  return JSON.parse(marked, (_, value) => (isMarked(value) ? BigInt(value.slice(MARK.length)) : value));
}

/** `JSON.stringify` of what `parse` gives. */
export function stringify(record) {
  const mark = (_, value) => (typeof value === "bigint" ? MARK + value : value);
  return JSON.stringify(record, mark).replace(MARKED, "$1");
}

function isLarge(token) {
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
}

/**
 * Yields each record once, in the order of their key; `?limit=` in `url` is kept to. After a break
 * the next request goes on behind the last record. With `?follow=true` it waits for new ones.
 */
export async function* readRecords(url, { attempts = 6, signal } = {}) {
  const target = new URL(url);
  const query = target.searchParams;
  query.set("end", "true");
  query.set("cursors", "true");
  query.delete("format");
  for (let failures = 0; failures === 0 || query.get("limit") !== "0"; ) {
    let received = 0;
    let last;
    try {
      for await (const { "@cursor": cursor, ...record } of readOnce(target, signal)) {
        last = cursor;
        received++;
        yield record;
      }
      return;
    } catch (error) {
      failures = received ? 1 : failures + 1;
      if (error.refused || signal?.aborted || failures >= attempts) throw error;
      if (received) query.set("after", last);
      if (query.has("limit")) query.set("limit", query.get("limit") - received);
      await new Promise((resolve) => setTimeout(resolve, 2 ** failures * 100));
    }
  }
}

async function* readOnce(url, signal) {
  const response = await fetch(url, { headers: { Accept: "application/jsonl" }, signal });
  if (!response.ok) {
    throw Object.assign(new Error(await response.text()), { refused: response.status < 500 });
  }
  for await (const line of lines(response.body)) {
    if (!line) continue; // a heartbeat of a stream that is followed
    const record = parse(line);
    if ("@end" in record) {
      if (record["@end"].status === "complete") return;
      throw new TruncatedStream(JSON.stringify(record["@end"]));
    }
    yield record;
  }
  throw new TruncatedStream("The stream has ended without an end record.");
}

/** A server that sends nothing for so long is gone; a stream that is followed has heartbeats. */
const STALLED_MS = 30_000;

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (;;) {
      const stalled = setTimeout(() => reader.cancel(), STALLED_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(stalled));
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
}

async function main() {
  const { parseArgs } = await import("node:util");
  const options = { attempts: { type: "string" }, help: { type: "boolean", short: "h" } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  // A reader such as `head` has enough: that is no error of ours.
  process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 141 : 1));
  const [url = "http://127.0.0.1:8000/records/readings"] = positionals;
  for await (const record of readRecords(url, values)) console.log(stringify(record));
}

async function isProgram() {
  const { realpathSync } = await import("node:fs");
  const { pathToFileURL } = await import("node:url");
  return import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href;
}

const isMain = globalThis.process?.argv[1] && (await isProgram());
if (isMain) {
  main().catch((error) => {
    console.error(String(error.cause ?? error));
    process.exitCode = 1;
  });
}
