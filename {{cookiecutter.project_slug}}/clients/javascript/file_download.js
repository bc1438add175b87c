// Download a file, in browsers and in Node: resumes after a break or a kill, and never joins two
// versions of the file. To copy: this file as far as the program, and streaming/connection.js.
import { Final, Refused, request, retrying } from "./streaming/connection.js";

const DIGEST = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/;

/** The file is no longer the one that was begun. */
export class Changed extends Final {}

/**
 * @typedef {object} Cursor
 * @property {number} [have] bytes that have come
 * @property {string} [etag] the version they are of
 * @property {number} [total] bytes of the file, if known
 * @property {string} [digest] SHA-256 of the file in base64, where the server says it (RFC 9530)
 */

// --8<-- [start:download]
/**
 * Yields the bytes of the file in order; throws `Changed` when it changes meanwhile, `Refused`
 * when the server does. An answer whose end could not be told from a break is none.
 *
 * `cursor` is kept up to date. Another call that is given it, or its `have` and `etag`, goes on
 * there. Its `digest` is for the caller to compare.
 *
 * @param {string | URL} url
 * @param {import("./streaming/connection.js").ConnectionOptions & { cursor?: Cursor }} [options]
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* downloadChunks(url, { cursor = {}, ...options } = {}) {
  cursor.have ??= 0;
  yield* retrying(async function* () {
    const answer = await requestRest(url, cursor, options);
    if (!answer) return;
    for await (const chunk of answer.chunks()) {
      cursor.have += chunk.length;
      yield chunk;
    }
    if (cursor.total !== undefined && cursor.have !== cursor.total) {
      throw new Error(`${cursor.have} of ${cursor.total} bytes have come.`);
    }
  }, options);
}
// --8<-- [end:download]

/** The answer with what is behind the cursor; nothing if it is at the end. */
async function requestRest(url, cursor, options) {
  const { have, etag } = cursor;
  // With a range fetch asks for no compression: a compressed file has no length and no ranges.
  const headers = { Range: `bytes=${have}-`, "Want-Repr-Digest": "sha-256=10" };
  if (have && !etag?.startsWith('"')) throw new Final("This file has no version to resume.");
  if (have) headers["If-Match"] = etag;
  try {
    const answer = await request(url, { headers, cache: "no-store" }, options);
    follow(answer.response, cursor);
    return answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { status, headers: found } = error.response;
    if (status === 416 && found.get("Content-Range") === `bytes */${have}`) return undefined;
    if (have && [412, 416].includes(status)) throw new Changed("The file has changed.");
    throw error;
  }
}

/** Brings the cursor up to date; throws when the answer is not the rest, or has no end. */
function follow({ status, headers, body }, cursor) {
  const { have } = cursor;
  const etag = headers.get("ETag");
  const range = headers.get("Content-Range");
  const isRest = range?.startsWith(`bytes ${have}-`) && etag === cursor.etag;
  const length = headers.get("Content-Length");
  const digest = DIGEST.exec(headers.get("Repr-Digest"))?.[1];
  try {
    // To Chromium a connection that ends within headers is a whole answer.
    if (status === 206 && !range) throw new Error("The answer does not say what it is.");
    if (status !== 200 && status !== 206) throw new Error(`The server answers ${status}.`);
    // Not every server or cache heeds `If-Match`.
    if (have && !isRest) throw new Changed("The file has changed.");
    // Node takes a break within chunks for their end.
    if (length === null && !digest) {
      throw new Error("No length and no digest: nobody can tell whether the file is whole.");
    }
  } catch (error) {
    body?.cancel();
    throw error;
  }
  cursor.etag = etag;
  cursor.digest = digest ?? cursor.digest;
  cursor.total = length === null ? undefined : have + Number(length);
}

// The program.
const USAGE = `Usage: node clients/javascript/file_download.js [options] [URL] [PATH]
Saves a file under its own name or PATH; call it again to resume.`;

async function main({ positionals, connection, showProgress }) {
  const { basename } = await import("node:path");
  const { save } = await import("./file_download/saving.js");
  const [url = "http://127.0.0.1:8000/files/readings.csv"] = positionals;
  const path = positionals[1] ?? basename(new URL(url).pathname);
  const onProgress = ({ have, total }) => showProgress(`${have} of ${total ?? "?"} bytes`);
  const size = await save(url, path, { ...connection, onProgress });
  showProgress("");
  console.error(`Saved ${path} (${size} bytes)`);
}

if (globalThis.process?.argv[1]) {
  import("./streaming/program.js").then(({ run }) => run(import.meta, USAGE, {}, main));
}
