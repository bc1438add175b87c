// What the clients above are made of, in browsers and in Node: a request that notices silence,
// and a reader that is started again after each break.

/**
 * @typedef {object} ConnectionOptions
 * @property {typeof fetch} [fetch] what is called in the place of `fetch`
 * @property {HeadersInit | (() => HeadersInit | Promise<HeadersInit>)} [headers] sent with each
 *   request; a function is asked anew for each, as for a token that expires
 * @property {AbortSignal} [signal] ends all of it
 * @property {number} [attempts] requests in a row that may bring nothing (default: 10)
 * @property {number} [stallSeconds] silence after which a connection is given up (default: 30)
 * @property {(state: State) => void} [onState] is told what happens to the connection
 *
 * @typedef {object} State
 * @property {"connecting" | "open" | "waiting" | "closed"} state
 * @property {number} [failures] while connecting: how many in a row there were before
 * @property {Response} [response] once it is open
 * @property {number} [milliseconds] while waiting: how long
 * @property {Error} [error] while waiting: why
 */

const FIRST_BACKOFF_MILLISECONDS = 200;
const LONGEST_BACKOFF_MILLISECONDS = 60_000;
const LONGEST_STALL_SECONDS = 1_000_000; // timers wrap around at 2^31 milliseconds
const FRAME_MILLISECONDS = 16;
const WORTH_RETRYING = [408, 425, 429];

/** What another attempt would not mend. */
export class Final extends Error {}

/** The server's answer would be the same again; `response` is that answer, the message its body. */
export class Refused extends Final {
  constructor(message, response) {
    super(message);
    this.response = response;
  }
}

/** Throws `RangeError` for numbers with which a client would retry for ever, or give up at once. */
export function checkLimits({ attempts = 1, stallSeconds = 1 }) {
  if (!(attempts >= 1)) throw new RangeError("attempts must be a number from 1 on.");
  if (!(stallSeconds > 0 && stallSeconds <= LONGEST_STALL_SECONDS)) {
    throw new RangeError(`stallSeconds must be a number between 0 and ${LONGEST_STALL_SECONDS}.`);
  }
}

/** A URL that may be relative to the page. */
export function resolve(url) {
  return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
}

/**
 * @typedef {object} Answer
 * @property {Response} response
 * @property {() => AsyncGenerator<Uint8Array>} chunks of its body, to be read once
 */

/**
 * The answer to a request, and the chunks of its body. Throws `Refused`, and an error that is worth
 * another attempt when the server is away for a moment or nothing comes for `stallSeconds`.
 *
 * @param {string | URL} url
 * @param {RequestInit} init
 * @param {ConnectionOptions} options
 * @returns {Promise<Answer>}
 */
export async function request(url, init = {}, options = {}) {
  checkLimits(options);
  const { fetch = globalThis.fetch, signal, stallSeconds = 30, onState = () => {} } = options;
  const leaving = new AbortController();
  const stall = () => leaving.abort(new Error(`Nothing has come for ${stallSeconds} s.`));
  const patiently = async (promise) => {
    const timer = setTimeout(stall, 1000 * stallSeconds);
    return promise.finally(() => clearTimeout(timer));
  };
  const either = AbortSignal.any([leaving.signal, ...(signal ? [signal] : [])]);
  const headers = await mergeHeaders(options.headers, init.headers);
  const target = resolve(url);
  const response = await patiently(fetch(target, { ...init, headers, signal: either }));
  if (!response.ok) throw await patiently(describe(response));
  onState({ state: "open", response });
  return { response, chunks: () => chunksOf(response.body, patiently, leaving) };
}

async function mergeHeaders(theirs, ours) {
  const headers = new Headers(typeof theirs === "function" ? await theirs() : theirs);
  for (const [name, value] of Object.entries(ours ?? {})) headers.set(name, value);
  return headers;
}

async function describe(response) {
  const { status, headers } = response;
  const text = (await response.text()) || `The server answers ${status}.`;
  if (status < 500 && !WORTH_RETRYING.includes(status)) return new Refused(text, response);
  return Object.assign(new Error(text), { retryAfter: retryAfter(headers.get("Retry-After")) });
}

/** Milliseconds: the field has seconds or a date (RFC 9110, section 10.2.3). */
function retryAfter(field) {
  if (field === null) return 0;
  const milliseconds = /^\d+$/.test(field) ? 1000 * field : Date.parse(field) - Date.now();
  return Math.min(Math.max(milliseconds || 0, 0), 1000 * 3600);
}

async function* chunksOf(body, patiently, leaving) {
  if (!body) return; // an answer such as 204
  const reader = body.getReader();
  let painted = Date.now();
  try {
    for (;;) {
      const { done, value } = await patiently(reader.read());
      if (done) return;
      yield value;
      if (globalThis.document && Date.now() - painted > FRAME_MILLISECONDS) {
        await nextTask(); // or a page would not paint while chunks are there
        painted = Date.now();
      }
    }
  } finally {
    leaving.abort(); // whoever stops early would leave the request open
  }
}

/** Not by a timer: those of a hidden page run once a second. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * Yields what `read()` yields, and calls it again after each break until it returns: at the latest
 * a minute later, or when the server wants it, and never all clients at once.
 *
 * @template T
 * @param {() => AsyncIterable<T>} read reads from where it has come to
 * @param {ConnectionOptions & { firstBackoff?: () => number }} options
 * @returns {AsyncGenerator<T>}
 */
export async function* retrying(read, options = {}) {
  checkLimits(options);
  const { attempts = 10, signal, onState = () => {} } = options;
  const { firstBackoff = () => FIRST_BACKOFF_MILLISECONDS } = options;
  try {
    for (let failures = 0; ; ) {
      onState({ state: "connecting", failures });
      try {
        for await (const item of read()) {
          failures = 0;
          yield item;
        }
        return;
      } catch (error) {
        failures += 1;
        if (error instanceof Final || signal?.aborted || failures >= attempts) throw error;
        const milliseconds = backoff(firstBackoff(), failures, error);
        onState({ state: "waiting", milliseconds, error });
        await pause(milliseconds, signal);
      }
    }
  } finally {
    onState({ state: "closed" });
  }
}

function backoff(first, failures, error) {
  const longest = Math.max(first, LONGEST_BACKOFF_MILLISECONDS);
  const growing = Math.min(first * 2 ** (failures - 1), longest);
  return Math.max(growing, error.retryAfter ?? 0) * (1 + Math.random() / 2);
}

/**
 * What `use` makes of the answer to a request that is small; asked for again while there is none,
 * or `use` throws: to Chromium a connection that ends within headers is a whole answer.
 *
 * @template T
 * @param {(response: Response) => T | Promise<T>} [use]
 * @returns {Promise<T>}
 */
export async function ask(url, init, options, use = (response) => response) {
  const once = async function* () {
    const { response, chunks } = await request(url, init, options);
    const parts = [];
    for await (const chunk of chunks()) parts.push(chunk);
    yield await use(new Response(parts.length ? new Blob(parts) : null, response));
  };
  for await (const result of retrying(once, options)) return result;
}

/** @param {number} milliseconds @param {AbortSignal} [signal] rejects at once with its reason */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      signal?.aborted ? reject(signal.reason) : resolve();
    }
  });
}
