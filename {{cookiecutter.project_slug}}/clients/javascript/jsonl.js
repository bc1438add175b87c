// Read records as JSON Lines, in browsers and in Node: resumes after a break, and refuses a stream
// without its end. To copy: this file as far as the program, and streaming/connection.js.
import { request, resolve, retrying } from "./streaming/connection.js";

const ACCEPT = { headers: { Accept: "application/jsonl" } };
// No text that a server sends begins with it.
const MARK = `integer ${Math.random()} `;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, "g");
const MAY_BE_LARGE = /\d{16}/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

export class TruncatedStream extends Error {}

// --8<-- [start:read]
/**
 * Yields each record once, in the order of their key; `?limit=` in `url` is kept to. After a break
 * the next request goes on behind the last record. With `?follow=true` it waits for new ones.
 *
 * @param {string | URL} url
 * @param {import("./streaming/connection.js").ConnectionOptions} [options]
 * @returns {AsyncGenerator<object>}
 */
export async function* readRecords(url, options) {
  for await (const records of readBatches(url, options)) yield* records;
}

/**
 * @typedef {object} Cursor
 * @property {string} [after] where the last record is
 * @property {number} [received] records so far
 */

/**
 * Yields records as `readRecords` does, as many together as have come together.
 *
 * `cursor` is kept up to date with what has been yielded. Another call that is given it goes on
 * there.
 *
 * @param {string | URL} url
 * @param {import("./streaming/connection.js").ConnectionOptions & { cursor?: Cursor }} [options]
 * @returns {AsyncGenerator<object[]>}
 */
export async function* readBatches(url, { cursor = {}, ...options } = {}) {
  const limit = resolve(url).searchParams.get("limit");
  cursor.received ??= 0;
  const readRest = async function* () {
    if (cursor.received && cursor.received === Number(limit)) return; // only the end was missing
    const { chunks } = await request(restOf(url, limit, cursor), ACCEPT, options);
    for await (const records of batches(chunks())) {
      for (const record of records) {
        cursor.after = record["@cursor"];
        delete record["@cursor"];
      }
      cursor.received += records.length;
      yield records;
    }
  };
  for await (const records of retrying(readRest, options)) if (records.length) yield records;
}
// --8<-- [end:read]

function restOf(url, limit, { after, received }) {
  const rest = resolve(url);
  const query = rest.searchParams;
  query.set("end", "true");
  query.set("cursors", "true");
  query.delete("format");
  if (after !== undefined) query.set("after", after);
  if (received && limit !== null) query.set("limit", limit - received);
  return rest;
}

/** An empty one is a heartbeat. Throws when the last line is no end record of a whole stream. */
async function* batches(chunks) {
  for await (const lines of lineBatches(chunks)) {
    const records = lines.filter(Boolean).map(parse);
    const index = records.findIndex((record) => "@end" in record);
    if (index === -1) {
      yield records;
      continue;
    }
    yield records.slice(0, index);
    const end = records[index]["@end"];
    if (end.status === "complete") return;
    throw new TruncatedStream(JSON.stringify(end));
  }
  throw new TruncatedStream("The stream has ended without an end record.");
}

/** The lines that have ended with each chunk; only a line feed ends one. */
async function* lineBatches(chunks) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop();
    if (lines.length) yield lines;
  }
}

/** `JSON.parse` with integers beyond 2^53 as `BigInt`: as numbers they would be others. */
export function parse(line) {
  if (!MAY_BE_LARGE.test(line)) return JSON.parse(line);
  const marked = line.replace(STRING_OR_NUMBER, (token) => (isLarge(token) ? `"${MARK}${token}"` : token));
  const isMarked = (value) => typeof value === "string" && value.startsWith(MARK);
  return JSON.parse(marked, (_, value) => (isMarked(value) ? BigInt(value.slice(MARK.length)) : value));
}

/** `JSON.stringify` of what `parse` gives. */
export function stringify(record) {
  try {
    return JSON.stringify(record);
  } catch {
    // It has a `BigInt`, which JSON.stringify refuses.
    const mark = (_, value) => (typeof value === "bigint" ? MARK + value : value);
    return JSON.stringify(record, mark).replace(MARKED, "$1");
  }
}

function isLarge(token) {
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
}

// The program.
const USAGE = `Usage: node clients/javascript/jsonl.js [options] [URL]
Prints records as JSON Lines.`;

async function main({ positionals, connection, print, showProgress }) {
  const [url = "http://127.0.0.1:8000/records/readings"] = positionals;
  const cursor = {};
  for await (const records of readBatches(url, { cursor, ...connection })) {
    await print(records.map((record) => `${stringify(record)}\n`).join(""));
    if (!process.stdout.isTTY) showProgress(`${cursor.received} records`);
  }
  showProgress("");
}

if (globalThis.process?.argv[1]) {
  import("./streaming/program.js").then(({ run }) => run(import.meta, USAGE, {}, main));
}
