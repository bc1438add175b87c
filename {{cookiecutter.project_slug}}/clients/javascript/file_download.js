// Download a file, in browsers and in Node: resumes after a break, and never joins two versions of
// the file.
const USAGE = "Usage: node clients/javascript/file_download.js [--attempts N] [URL] [PATH]";

/** Yields the bytes of the file in order; throws when the file changes while it is downloaded. */
export async function* downloadChunks(url, { attempts = 6, signal } = {}) {
  let etag;
  let have = 0;
  for (let failures = 0; ; ) {
    try {
      // With a range fetch asks for no compression: a compressed file has no length and no ranges.
      const headers = { Range: `bytes=${have}-`, ...(have && { "If-Match": etag }) };
      const response = await fetch(url, { headers, signal, cache: "no-store" });
      if (!have && response.status === 416) return; // an empty file has no first byte
      if (have && (response.status === 412 || (response.ok && !isRest(response, have, etag)))) {
        await response.body.cancel();
        throw Object.assign(new Error("The file has changed."), { refused: true });
      }
      if (!response.ok) {
        throw Object.assign(new Error(await response.text()), { refused: response.status < 500 });
      }
      etag = response.headers.get("ETag");
      const total = have + Number(response.headers.get("Content-Length"));
      for await (const chunk of chunks(response.body)) {
        have += chunk.length;
        failures = 0;
        yield chunk;
      }
      if (have === total) return;
      throw new Error(`${have} of ${total} bytes have come.`);
    } catch (error) {
      if (error.refused || signal?.aborted || ++failures >= attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2 ** failures * 100));
    }
  }
}

/** Whether it is what was asked for: not every server or cache heeds `If-Match`. */
function isRest(response, have, etag) {
  const startsThere = response.headers.get("Content-Range")?.startsWith(`bytes ${have}-`);
  return response.status === 206 && startsThere && response.headers.get("ETag") === etag;
}

async function* chunks(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
}

async function main() {
  const { createWriteStream } = await import("node:fs");
  const { rename, rm, stat } = await import("node:fs/promises");
  const { basename } = await import("node:path");
  const { pipeline } = await import("node:stream/promises");
  const { parseArgs } = await import("node:util");
  const options = { attempts: { type: "string" }, help: { type: "boolean", short: "h" } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  const [url = "http://127.0.0.1:8000/files/readings.csv"] = positionals;
  const path = positionals[1] ?? basename(new URL(url).pathname);
  try {
    await pipeline(downloadChunks(url, values), createWriteStream(`${path}.part`));
    await rename(`${path}.part`, path);
  } catch (error) {
    await rm(`${path}.part`, { force: true });
    throw error;
  }
  console.error(`Saved ${path} (${(await stat(path)).size} bytes)`);
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
