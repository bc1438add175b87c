// Read an export, in browsers and in Node, and refuse one that is cut off.
// To copy: this file as far as the program, and streaming/connection.js; for jobs batch_export/job.js.
import { Final, request, resolve, retrying } from "./streaming/connection.js";

const PARQUET_FOOTER = [0x50, 0x41, 0x52, 0x31];
const ARROW_END_OF_STREAM = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
const TAIL_BYTES = 64 * 1024;

export class TruncatedExport extends Final {}

// --8<-- [start:save]
/**
 * Yields the bytes of the export; throws `TruncatedExport` if it does not end as its format does.
 * It is asked for again until it begins, and no more: what has come is of another snapshot.
 *
 * CSV has no end of its own: there only the connection tells that something is missing, and a proxy
 * that speaks HTTP/1.0 can hide that. A job can be checked.
 *
 * @param {string | URL} url
 * @param {import("./streaming/connection.js").ConnectionOptions
 *   & { format?: "csv" | "jsonl" | "parquet" | "arrow" }} [options]
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* exportChunks(url, { format = "parquet", ...options } = {}) {
  const target = resolve(url);
  target.searchParams.set("format", format);
  target.searchParams.set("end", "true");
  let tail = new Uint8Array();
  yield* retrying(async function* () {
    const { chunks } = await request(target, {}, options);
    try {
      for await (const chunk of chunks()) {
        tail = joinTail(tail, chunk);
        yield chunk;
      }
    } catch (error) {
      if (!tail.length || options.signal?.aborted) throw error;
      throw new TruncatedExport(`The ${format} export broke off.`, { cause: error });
    }
    if (!tail.length) throw new Error("Nothing has come."); // as far as this it can be begun again
    if (!isComplete(tail, format)) throw new TruncatedExport(`The ${format} export is cut off.`);
  }, options);
}
// --8<-- [end:save]

function joinTail(tail, chunk) {
  if (chunk.length >= TAIL_BYTES) return chunk.slice(-TAIL_BYTES);
  const joined = new Uint8Array(tail.length + chunk.length);
  joined.set(tail);
  joined.set(chunk, tail.length);
  return joined.slice(-TAIL_BYTES);
}

function isComplete(tail, format) {
  const endsWith = (bytes) => bytes.every((byte, index) => tail.at(index - bytes.length) === byte);
  if (format === "parquet") return endsWith(PARQUET_FOOTER);
  if (format === "arrow") return endsWith(ARROW_END_OF_STREAM);
  if (format === "jsonl") {
    const [lastLine, rest] = new TextDecoder().decode(tail).split("\n").slice(-2);
    return rest === "" && lastLine.startsWith('{"@end": {"status": "complete"');
  }
  return true;
}

// The program.
const USAGE = `Usage: node clients/javascript/batch_export.js [options] [URL] [FORMAT] [PATH]
Saves an export as csv, jsonl, parquet (default) or arrow, under its own name or PATH. A job is made
by the service in segments, which are checked; call it again to resume. CSV is always a job.
  --job              as a job
  --parallel N       segments at once (default: 4)`;
const OPTIONS = { job: { type: "boolean" }, parallel: { type: "string" } };

async function main({ values, positionals, connection, showProgress }) {
  const { basename } = await import("node:path");
  const { saveDirect, saveJob, sizeOf } = await import("./batch_export/saving.js");
  const [url = "http://127.0.0.1:8000/exports/readings", format = "parquet"] = positionals;
  const path = positionals[2]?.replace(/\/$/, "") ?? `${basename(new URL(url).pathname)}.${format}`;
  const save = values.job || format === "csv" ? saveJob : saveDirect;
  const parallel = Number(values.parallel ?? 4);
  await save(url, path, { format, parallel, showProgress, ...connection });
  showProgress("");
  console.error(`Saved ${path} (${await sizeOf(path)} bytes)`);
}

if (globalThis.process?.argv[1]) {
  import("./streaming/program.js").then(({ run }) => run(import.meta, USAGE, OPTIONS, main));
}
