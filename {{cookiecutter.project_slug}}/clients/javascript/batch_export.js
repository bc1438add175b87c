// Read an export, in browsers and in Node, and refuse one that is cut off.
const USAGE =
  "Usage: node clients/javascript/batch_export.js [--job | --direct] [URL] [FORMAT] [PATH]\n" +
  "CSV is a job unless you say --direct; a job that broke off is resumed by another call.";

const PARQUET_FOOTER = [0x50, 0x41, 0x52, 0x31];
const ARROW_END_OF_STREAM = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
const TAIL_BYTES = 64 * 1024;

export class TruncatedExport extends Error {}

/** Yields the bytes of the export; throws in the end if it does not end as its format does. */
export async function* exportChunks(url, { format = "parquet", signal } = {}) {
  const target = new URL(url);
  target.searchParams.set("format", format);
  target.searchParams.set("end", "true");
  const response = await fetch(target, { signal });
  if (!response.ok) throw new Error(await response.text());
  const reader = response.body.getReader();
  let tail = new Uint8Array();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      tail = joinTail(tail, value);
      yield value;
    }
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
  if (!isComplete(tail, format)) throw new TruncatedExport(`The ${format} export is cut off.`);
}

function joinTail(tail, chunk) {
  if (chunk.length >= TAIL_BYTES) return chunk.slice(-TAIL_BYTES);
  const joined = new Uint8Array(tail.length + chunk.length);
  joined.set(tail);
  joined.set(chunk, tail.length);
  return joined.slice(-TAIL_BYTES);
}

/** CSV has no end of its own: there only the connection tells that something is missing. */
function isComplete(tail, format) {
  const endsWith = (bytes) => bytes.every((byte, index) => tail.at(index - bytes.length) === byte);
  if (format === "parquet") return endsWith(PARQUET_FOOTER);
  if (format === "arrow") return endsWith(ARROW_END_OF_STREAM);
  if (format === "jsonl") {
    const [lastLine, rest] = new TextDecoder().decode(tail).split("\n").slice(-2);
    return rest === "" && JSON.parse(lastLine)["@end"]?.status === "complete";
  }
  return true;
}

async function saveDirect(url, format, path) {
  const { createWriteStream } = await import("node:fs");
  const { rename, rm } = await import("node:fs/promises");
  const { pipeline } = await import("node:stream/promises");
  try {
    await pipeline(exportChunks(url, { format }), createWriteStream(`${path}.part`));
    await rename(`${path}.part`, path);
  } catch (error) {
    await rm(`${path}.part`, { force: true });
    throw error;
  }
}

async function main() {
  const { readdir, stat } = await import("node:fs/promises");
  const { basename, join } = await import("node:path");
  const { parseArgs } = await import("node:util");
  const options = {
    help: { type: "boolean", short: "h" },
    job: { type: "boolean" },
    direct: { type: "boolean" },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  const [url = "http://127.0.0.1:8000/exports/readings", format = "parquet"] = positionals;
  const path = positionals[2] ?? `${basename(new URL(url).pathname)}.${format}`;
  if (values.job || (format === "csv" && !values.direct)) {
    const { saveJob } = await import("./batch_export/saving.js");
    await saveJob(url, format, path);
  } else {
    await saveDirect(url, format, path);
  }
  const isFolder = (await stat(path)).isDirectory();
  const files = isFolder ? (await readdir(path)).map((name) => join(path, name)) : [path];
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  console.error(`Saved ${path} (${sizes.reduce((sum, size) => sum + size, 0)} bytes)`);
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
