// Download a file, in browsers and in Node: resumes after a break or a kill, and never joins two
// versions of the file.
const USAGE =
  "Usage: node clients/javascript/file_download.js [--attempts N] [--stall-seconds N] [URL] [PATH]";
const DIGEST = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/;

/**
 * Yields the bytes of the file in order; throws when the file changes while it is downloaded (then
 * the error has `changed`), and when its end cannot be told from a break.
 *
 * `cursor` is kept up to date: `offset` and `etag` of what has come, and `digest`, the SHA-256 of
 * the whole file in base64 where the server says it (RFC 9530), for the caller to compare. Another
 * call that is given `offset` and `etag` goes on there.
 */
export async function* downloadChunks(
  url,
  { cursor = {}, attempts = 6, stallSeconds = 30, signal } = {},
) {
  cursor.offset ??= 0;
  for (let failures = 0; ; ) {
    const leaving = new AbortController();
    const patient = (promise) => patiently(promise, stallSeconds, leaving);
    try {
      const signals = AbortSignal.any([leaving.signal, ...(signal ? [signal] : [])]);
      const response = await patient(request(url, cursor, signals));
      if (await isAtEnd(response, cursor)) return;
      cursor.etag = response.headers.get("ETag");
      cursor.digest = DIGEST.exec(response.headers.get("Repr-Digest"))?.[1] ?? cursor.digest;
      const total = wholeSize(response, cursor);
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await patient(reader.read());
        if (done) break;
        cursor.offset += value.length;
        failures = 0;
        yield value;
      }
      if (total === undefined || cursor.offset === total) return;
      throw new Error(`${cursor.offset} of ${total} bytes have come.`);
    } catch (error) {
      if (error.refused || signal?.aborted || ++failures >= attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2 ** failures * 100));
    } finally {
      leaving.abort(); // a reader that stops early would leave the request open
    }
  }
}

async function request(url, { offset, etag }, signal) {
  // With a range fetch asks for no compression: a compressed file has no length and no ranges.
  const headers = { Range: `bytes=${offset}-`, "Want-Repr-Digest": "sha-256=10" };
  if (offset && !etag?.startsWith('"')) throw refusal("This file has no version to resume.");
  if (offset) headers["If-Match"] = etag;
  return fetch(url, { headers, signal, cache: "no-store" });
}

/** Settles as `promise` does; when it takes too long, `controller` ends what it waits for. */
async function patiently(promise, seconds, controller) {
  const stall = () => controller.abort(new Error(`Nothing has come for ${seconds} s.`));
  const timer = setTimeout(stall, seconds * 1000);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is no byte behind the cursor; throws when the answer is not the rest. */
async function isAtEnd(response, { offset, etag }) {
  const range = response.headers.get("Content-Range") ?? "";
  if (response.status === 416 && range === `bytes */${offset}`) return true;
  // Not every server or cache heeds `If-Match`.
  const isSame = range.startsWith(`bytes ${offset}-`) && response.headers.get("ETag") === etag;
  const isChanged = [412, 416].includes(response.status) || (response.ok && !isSame);
  if (offset && isChanged) throw refusal("The file has changed.", { changed: true });
  if (!response.ok) {
    const isTransient = response.status >= 500 || [408, 429].includes(response.status);
    const text = await response.text();
    throw isTransient ? new Error(text) : refusal(text);
  }
  return false;
}

/** The size of the file, if known; throws when the end of the body could be a break. */
function wholeSize({ headers }, { offset, digest }) {
  const length = headers.get("Content-Length");
  if (length !== null) return offset + Number(length);
  if (digest) return undefined; // Node takes a break within chunks for their end
  throw refusal("No length and no digest: nobody can tell whether the file is whole.");
}

function refusal(message, properties) {
  return Object.assign(new Error(message), { refused: true, ...properties });
}

async function main() {
  const { basename } = await import("node:path");
  const { parseArgs } = await import("node:util");
  const options = {
    attempts: { type: "string" },
    "stall-seconds": { type: "string" },
    help: { type: "boolean", short: "h" },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  const [url = "http://127.0.0.1:8000/files/readings.csv"] = positionals;
  const path = positionals[1] ?? basename(new URL(url).pathname);
  const limits = { attempts: values.attempts, stallSeconds: values["stall-seconds"] };
  console.error(`Saved ${path} (${await save(url, path, limits)} bytes)`);
}

/** Downloads to `path`; until the file is complete it is `path` with `.part` behind. */
async function save(url, path, limits) {
  const { readFile, rename, rm, stat, truncate } = await import("node:fs/promises");
  const [part, etagFile] = [`${path}.part`, `${path}.etag`];
  const etag = await readFile(etagFile, "utf8").catch(() => undefined);
  const { size } = await stat(etag ? part : "").catch(() => ({ size: 0 }));
  // The last byte comes again, so that there is an answer when none is missing, with its digest.
  const cursor = { offset: Math.max(size - 1, 0), etag };
  if (cursor.offset) await truncate(part, cursor.offset);
  try {
    await append(url, part, etagFile, cursor, limits);
  } catch (error) {
    if (!error.changed) throw error;
    await rm(etagFile);
    return save(url, path, limits);
  }
  if (cursor.digest && cursor.digest !== (await sha256(part))) {
    await Promise.all([rm(part), rm(etagFile, { force: true })]);
    throw new Error("The SHA-256 of what has come is not that of the file.");
  }
  await rename(part, path);
  await rm(etagFile, { force: true });
  return (await stat(path)).size;
}

async function append(url, part, etagFile, cursor, limits) {
  const { open, writeFile } = await import("node:fs/promises");
  let known = cursor.etag;
  let file = cursor.offset ? await open(part, "a") : undefined;
  try {
    for await (const chunk of downloadChunks(url, { cursor, ...limits })) {
      // Emptied before its new ETag: a kill must not join two versions.
      file ??= await open(part, "w");
      if (cursor.etag?.startsWith('"') && cursor.etag !== known) {
        await writeFile(etagFile, cursor.etag);
        known = cursor.etag; // once: a kill meanwhile would leave none
      }
      await file.writeFile(chunk);
    }
    file ??= await open(part, "w"); // an empty file
  } finally {
    await file?.close();
  }
}

async function sha256(path) {
  const { createHash } = await import("node:crypto");
  const { createReadStream } = await import("node:fs");
  const { pipeline } = await import("node:stream/promises");
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("base64");
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
