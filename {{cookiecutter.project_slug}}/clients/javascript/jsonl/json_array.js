// Read records from one JSON array while it comes, in browsers and in Node, with npm's package
// @streamparser/json: a few are in memory, and not all. It cannot be resumed, as JSON Lines can.
import { Tokenizer, TokenParser } from "@streamparser/json";

import { TruncatedStream } from "../jsonl.js";
import { request } from "../streaming/connection.js";

const IS_INTEGER = /^-?\d+$/;

/**
 * Yields each element. Throws `TruncatedStream` when the closing bracket is missing.
 *
 * @param {string | URL} url
 * @param {import("../streaming/connection.js").ConnectionOptions} [options]
 * @returns {AsyncGenerator<object>}
 */
// --8<-- [start:read]
export async function* readArray(url, options) {
  const headers = { Accept: "application/json" };
  const { chunks } = await request(url, { headers }, options);
  yield* parseArray(chunks());
}

/** Integers beyond 2^53 are `BigInt`: as numbers they would be others. */
export async function* parseArray(chunks) {
  const tokens = new Tokenizer();
  const values = new TokenParser({ paths: ["$.*"], keepStack: false });
  let found = [];
  tokens.parseNumber = (text) => {
    const number = Number(text);
    return IS_INTEGER.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number;
  };
  tokens.onToken = (token) => values.write(token);
  values.onValue = ({ value }) => found.push(value);
  for await (const chunk of chunks) {
    tokens.write(chunk);
    yield* found;
    found = [];
  }
  if (!values.isEnded) throw new TruncatedStream("The array has no end.");
}
// --8<-- [end:read]
