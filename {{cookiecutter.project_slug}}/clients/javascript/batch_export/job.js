// An export as a job, in browsers and in Node: made by the service in segments, each a whole file
// that is checked by its digest and resumes where it broke off.
const ATTEMPTS = 10;
const STALL_SECONDS = 30;
const UNFINISHED = ["accepted", "running"];
const RETRIED = [502, 503, 504];

export class JobFailed extends Error {}

/** Starts the job of a URL such as `/exports/readings?site=Lyon`; returns the URL of the job. */
export async function startJob(url, { format = "csv", signal } = {}) {
  const target = new URL(url);
  const [before, source] = target.pathname.split(/\/exports\/(.*)/s);
  const body = { source: decodeURIComponent(source), format };
  for (const name of new Set(target.searchParams.keys())) {
    body[name] = target.searchParams.getAll(name);
  }
  // Who asks again, as the answer was lost, gets the same job.
  const headers = { "Content-Type": "application/json", "Idempotency-Key": newKey() };
  const options = { method: "POST", body: JSON.stringify(body), headers, signal };
  const response = await ask(new URL(`${before}/exports`, target), options);
  return new URL(response.headers.get("Location"), target).href;
}

/** The segments of a job, once it is complete; until then `onProgress` is told how far it is. */
export async function waitForSegments(job, { onProgress = () => {}, signal } = {}) {
  for (;;) {
    const response = await ask(job, { signal });
    const { status, progress, segments, problem } = await response.json();
    if (status === "complete") {
      return segments.map((each) => ({ ...each, url: new URL(each.url, job).href }));
    }
    if (!UNFINISHED.includes(status)) throw new JobFailed(problem?.detail ?? `It is ${status}.`);
    onProgress(progress);
    await pause(1000 * Number(response.headers.get("Retry-After") ?? 1));
  }
}

/** Removes a job; it would be there until it expires. */
export async function removeJob(job) {
  await fetch(job, { method: "DELETE" });
}

/** Yields the bytes of a segment behind `start`, and goes on by itself when the connection breaks. */
export async function* segmentChunks(segment, { start = 0, signal } = {}) {
  for (let failures = 0; start < segment.bytes; ) {
    const stalled = new AbortController();
    const signals = [stalled.signal, ...(signal ? [signal] : [])];
    const patience = new Patience(() => stalled.abort(new Error("Nothing has come for long.")));
    try {
      const headers = start
        ? { Range: `bytes=${start}-`, "If-Range": `"${segment.sha256}"` }
        : {};
      patience.begin();
      const response = await ask(segment.url, { headers, signal: AbortSignal.any(signals) });
      if (start && response.status !== 206) throw new JobFailed("The segment has no ranges.");
      for await (const chunk of chunksOf(response.body)) {
        patience.end(); // whoever takes the chunk may take long
        failures = 0;
        start += chunk.length;
        yield chunk;
        patience.begin();
      }
    } catch (error) {
      if (error instanceof JobFailed || signal?.aborted || ++failures === ATTEMPTS) throw error;
      await pause(100 * failures);
    } finally {
      patience.end();
    }
  }
}

class Patience {
  constructor(lose) {
    this.lose = lose;
  }
  begin() {
    this.end();
    this.timer = setTimeout(this.lose, 1000 * STALL_SECONDS);
  }
  end() {
    clearTimeout(this.timer);
  }
}

/** The bytes of a segment; throws if they are not what the service has made. */
export async function readSegment(segment, options) {
  const bytes = new Uint8Array(segment.bytes);
  let length = 0;
  for await (const chunk of segmentChunks(segment, options)) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  if (toHex(digest) !== segment.sha256) throw new JobFailed(`${segment.url} is damaged.`);
  return bytes;
}

/**
 * Yields CSV or JSON Lines in pieces that together are one valid file, each checked; the next
 * segments come meanwhile. The job is removed in the end.
 */
export async function* jobChunks(url, { format = "csv", parallel = 4, onProgress, signal } = {}) {
  const job = await startJob(url, { format, signal });
  const segments = await waitForSegments(job, { onProgress, signal });
  const reading = [];
  const readNext = () => {
    if (!segments.length) return;
    const bytes = readSegment(segments.shift(), { signal });
    bytes.catch(() => {}); // whoever awaits it is told
    reading.push(bytes);
  };
  for (let count = 0; count < parallel; count += 1) readNext();
  for (let isFirst = true; reading.length; isFirst = false) {
    const bytes = await reading.shift();
    readNext();
    yield format === "csv" && !isFirst ? bytes.subarray(headerLength(bytes)) : bytes;
  }
  await removeJob(job);
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

async function ask(url, options) {
  for (let failures = 0; ; ) {
    let response;
    try {
      response = await fetch(url, options);
    } catch (error) {
      if (options?.signal?.aborted || ++failures === ATTEMPTS) throw error;
    }
    if (response?.ok) return response;
    if (response && !(RETRIED.includes(response.status) && ++failures < ATTEMPTS)) {
      throw new JobFailed(await response.text());
    }
    await pause(100 * failures);
  }
}

async function* chunksOf(body) {
  const reader = body.getReader();
  try {
    for (let step; !(step = await reader.read()).done; ) yield step.value;
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
// `randomUUID` is there in secure contexts alone.
const newKey = () => toHex(crypto.getRandomValues(new Uint8Array(16)));
