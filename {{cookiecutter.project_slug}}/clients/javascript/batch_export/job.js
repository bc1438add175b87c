// An export as a job, in browsers and in Node: made by the service in segments, each a whole file
// that is checked by its digest and resumes where it broke off. To copy: with ../streaming/connection.js.
import { ask, Final, pause, request, resolve, retrying } from "../streaming/connection.js";

const UNFINISHED = ["accepted", "running"];

/** The service has not made the export, or what has come is not what it has made. */
export class JobFailed extends Final {}

/**
 * @typedef {import("../streaming/connection.js").ConnectionOptions} ConnectionOptions
 *
 * @typedef {object} Segment
 * @property {string} url
 * @property {number} bytes
 * @property {string} sha256 in hexadecimal digits
 *
 * @typedef {object} Progress what the service has made
 * @property {number} rows
 * @property {number} bytes
 * @property {number | null} percent
 * @property {number | null} seconds_left
 */

/**
 * Starts the job of a URL such as `/exports/readings?site=Lyon`; returns the URL of the job.
 *
 * @param {string | URL} url
 * @param {ConnectionOptions & { format?: "csv" | "jsonl" | "parquet" | "arrow" }} [options]
 * @returns {Promise<string>}
 */
export async function startJob(url, { format = "csv", ...options } = {}) {
  const target = resolve(url);
  const [before, source] = target.pathname.split(/\/exports\/(.*)/s);
  const body = { source: decodeURIComponent(source), format };
  for (const name of new Set(target.searchParams.keys())) {
    body[name] = target.searchParams.getAll(name);
  }
  // Who asks again, as the answer was lost, gets the same job.
  const headers = { "Content-Type": "application/json", "Idempotency-Key": newKey() };
  const init = { method: "POST", body: JSON.stringify(body), headers };
  return ask(new URL(`${before}/exports`, target), init, options, ({ headers }) => {
    if (!headers.has("Location")) throw new Error("The answer does not say where the job is.");
    return resolveWithin(target, headers.get("Location"));
  });
}

/** Resolves, but within one origin: what a service says leads no token to another. */
function resolveWithin(base, reference) {
  const url = new URL(reference, base);
  if (url.origin === base.origin) return url.href;
  throw new JobFailed(`The service names a URL of another origin: ${url.href}`);
}

/**
 * The segments of a job, once it is complete; until then `onProgress` is told how far it is.
 *
 * @param {string} job
 * @param {ConnectionOptions & { onProgress?: (progress: Progress) => void }} [options]
 * @returns {Promise<Segment[]>}
 */
export async function waitForSegments(job, { onProgress = () => {}, ...options } = {}) {
  for (;;) {
    const read = async (response) => [await response.json(), response.headers];
    const [{ status, progress, segments, problem }, headers] = await ask(job, { cache: "no-store" }, options, read);
    if (status === "complete") {
      return segments.map((each) => ({ ...each, url: resolveWithin(resolve(job), each.url) }));
    }
    if (!UNFINISHED.includes(status)) throw new JobFailed(problem?.detail ?? `It is ${status}.`);
    onProgress(progress);
    await pause(1000 * Number(headers.get("Retry-After") ?? 1), options.signal);
  }
}

/** Removes a job; it would be there until it expires. @param {ConnectionOptions} [options] */
export async function removeJob(job, options) {
  await ask(job, { method: "DELETE" }, options);
}

/**
 * Yields the bytes of a segment from `start` on, resumed after each break.
 *
 * @param {Segment} segment
 * @param {ConnectionOptions & { start?: number }} [options]
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* segmentChunks(segment, { start = 0, ...options } = {}) {
  yield* retrying(async function* () {
    if (start === segment.bytes) return;
    const headers = start ? { Range: `bytes=${start}-`, "If-Range": `"${segment.sha256}"` } : {};
    const { response, chunks } = await request(segment.url, { headers }, options);
    if (start && response.status !== 206) throw new JobFailed("The segment has no ranges.");
    for await (const chunk of chunks()) {
      start += chunk.length;
      yield chunk;
    }
    if (start !== segment.bytes) throw new Error(`${start} of ${segment.bytes} bytes have come.`);
  }, options);
}

/**
 * The bytes of a segment; throws if they are not what the service has made.
 *
 * @param {Segment} segment
 * @param {ConnectionOptions} [options]
 * @returns {Promise<Uint8Array>}
 */
export async function readSegment(segment, options) {
  const bytes = new Uint8Array(segment.bytes);
  let length = 0;
  for await (const chunk of segmentChunks(segment, options)) {
    if (length + chunk.length > bytes.length) throw new JobFailed(`${segment.url} is too long.`);
    bytes.set(chunk, length);
    length += chunk.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  if (toHex(digest) !== segment.sha256) throw new JobFailed(`${segment.url} is damaged.`);
  return bytes;
}

// --8<-- [start:job]
/**
 * Yields CSV or JSON Lines in pieces that together are one valid file, each checked; the next
 * segments come meanwhile. The job is removed in the end.
 *
 * @param {string | URL} url
 * @param {ConnectionOptions & { format?: "csv" | "jsonl", parallel?: number,
 *   onProgress?: (progress: Progress) => void }} [options]
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* jobChunks(url, { parallel = 4, onProgress, ...options } = {}) {
  checkParallel(parallel);
  const { format = "csv", ...connection } = options;
  const job = await startJob(url, options);
  const segments = await waitForSegments(job, { onProgress, ...connection });
  const reading = [];
  const readNext = () => {
    if (!segments.length) return;
    const bytes = readSegment(segments.shift(), connection);
    bytes.catch(() => {}); // whoever awaits it is told
    reading.push(bytes);
  };
  for (let count = 0; count < parallel; count += 1) readNext();
  for (let isFirst = true; reading.length; isFirst = false) {
    const bytes = await reading.shift();
    readNext();
    yield format === "csv" && !isFirst ? bytes.subarray(headerLength(bytes)) : bytes;
  }
  await removeJob(job, connection);
}
// --8<-- [end:job]

/** Throws `RangeError`: with no segment at once an export would end without its rows. */
export function checkParallel(parallel) {
  if (Number.isInteger(parallel) && parallel >= 1) return;
  throw new RangeError("parallel must be a whole number from 1 on.");
}

/** The length of the header of CSV; a column's name may have line ends, within quotes. */
export function headerLength(bytes) {
  let isQuoted = false;
  return (
    bytes.findIndex((byte) => {
      if (byte === 0x22) isQuoted = !isQuoted;
      return byte === 0x0a && !isQuoted;
    }) + 1
  );
}

const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
// `randomUUID` is there in secure contexts alone.
const newKey = () => toHex(crypto.getRandomValues(new Uint8Array(16)));
