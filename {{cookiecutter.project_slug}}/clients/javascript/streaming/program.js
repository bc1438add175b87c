// What the programs above share, in Node: options, progress on a terminal, and how they end.
import { once } from "node:events";
import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { checkLimits } from "./connection.js";

/** What a shell says of a program that its reader has ended, as `head` does. */
const READER_HAS_ENOUGH = 141;
const OPTIONS = {
  attempts: { type: "string" },
  "stall-seconds": { type: "string" },
  help: { type: "boolean", short: "h" },
};
const USAGE = `  --attempts N       give up after so many connections in a row that bring nothing
  --stall-seconds N  connect again after so much silence
  -h, --help         this text`;

/**
 * Calls `main(program)` if the module of `meta` is the program, and not imported by another.
 * `program` has what was given (`values`, `positionals`, and in `connection` the options for
 * functions of the clients), `print` and `showProgress`.
 *
 * @param {ImportMeta} meta
 * @param {string} usage what `--help` says above the options of every program
 * @param {import("node:util").ParseArgsConfig["options"]} options of this one
 * @param {(program: object) => Promise<void>} main
 */
export async function run(meta, usage, options, main) {
  const [, path] = process.argv;
  if (!existsSync(path) || realpathSync(path) !== fileURLToPath(meta.url)) return;
  process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? READER_HAS_ENOUGH : 1));
  process.exitCode = 1; // until the end is reached: Node also ends when nothing is left to wait for
  try {
    const given = parseArgs({ options: { ...options, ...OPTIONS }, allowPositionals: true });
    const connection = connectionOptions(given.values);
    if (given.values.help) console.log(`${usage}\n${USAGE}`);
    else await main({ ...given, connection, print, showProgress });
    process.exitCode = 0;
  } catch (error) {
    showProgress("");
    console.error(String(error.cause ?? error));
  }
}

/** @returns {import("./connection.js").ConnectionOptions} */
function connectionOptions({ attempts, "stall-seconds": stallSeconds }) {
  const limits = {
    ...(attempts && { attempts: Number(attempts) }),
    ...(stallSeconds && { stallSeconds: Number(stallSeconds) }),
  };
  checkLimits(limits);
  return { ...limits, onState: sayBreak };
}

function sayBreak({ state, milliseconds, error }) {
  if (state !== "waiting") return;
  showProgress("");
  console.error(`Again in ${(milliseconds / 1000).toFixed(1)} s: ${error.cause ?? error.message}`);
}

/** Prints a text, and waits while its reader does not read. */
async function print(text) {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** One line on a terminal, in the place of the one before. */
function showProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`);
}
