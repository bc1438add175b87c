// Save a job in Node: what has come lies in a folder with `.parts` behind its name until it is whole.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { headerLength, JobFailed, removeJob, segmentChunks, startJob, waitForSegments } from "./job.js";

const PARALLEL = 4;
const HEADER_BYTES = 1024 * 1024;

/** CSV and JSON Lines become the file `path`, other formats a folder of that name. */
export async function saveJob(url, format, path) {
  const parts = `${path}.parts`;
  const job = await findJob(parts, url, format);
  const segments = await waitForSegments(job, { onProgress: showProgress });
  const files = segments.map((_, index) => join(parts, `${String(index + 1).padStart(5, "0")}.${format}`));
  const waiting = segments.map((segment, index) => [segment, files[index]]);
  const work = async () => {
    for (let next; (next = waiting.shift()); ) await fetchSegment(...next);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  if (format === "csv" || format === "jsonl") {
    await joinFiles(files, `${path}.part`, format === "csv");
    await rename(`${path}.part`, path);
    await rm(parts, { recursive: true });
  } else {
    await rm(join(parts, "job.json"));
    await rm(path, { recursive: true, force: true });
    await rename(parts, path);
  }
  show("");
  await removeJob(job).catch(() => {});
}

/** The job of an earlier call for the same, if it is still there, or a new one. */
async function findJob(parts, url, format) {
  const note = join(parts, "job.json");
  const earlier = JSON.parse(await readFile(note, "utf8").catch(() => "{}"));
  if (earlier.asked === `${format} ${url}` && (await isOfUse(earlier.job))) return earlier.job;
  await rm(parts, { recursive: true, force: true });
  const job = await startJob(url, { format });
  await mkdir(parts, { recursive: true });
  await writeFile(note, JSON.stringify({ asked: `${format} ${url}`, job }));
  return job;
}

async function isOfUse(job) {
  const response = await fetch(job);
  return response.ok && !["failed", "cancelled"].includes((await response.json()).status);
}

async function fetchSegment(segment, file) {
  if (await isWhole(segment, file)) return;
  const start = await sizeOf(file);
  await pipeline(segmentChunks(segment, { start }), createWriteStream(file, { flags: "a" }));
  if (!(await isWhole(segment, file))) throw new JobFailed(`${segment.url} is damaged.`);
}

/** What is complete and wrong is removed. */
async function isWhole(segment, file) {
  const size = await sizeOf(file);
  if (size < segment.bytes) return false;
  const sha256 = createHash("sha256");
  await pipeline(createReadStream(file), sha256);
  if (sha256.digest("hex") === segment.sha256) return true;
  await rm(file);
  return false;
}

async function joinFiles(files, target, hasHeader) {
  for (const [index, file] of files.entries()) {
    const start = hasHeader && index ? await headerOf(file) : 0;
    const out = createWriteStream(target, { flags: index ? "a" : "w" });
    await pipeline(createReadStream(file, { start }), out);
  }
}

async function headerOf(file) {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(HEADER_BYTES) });
    return headerLength(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

async function sizeOf(file) {
  return (await stat(file).catch(() => ({ size: 0 }))).size;
}

function showProgress({ rows, bytes, percent, seconds_left: left }) {
  const rest = percent === null ? "" : `, ${Math.round(percent)} %, ${Math.round(left)} s left`;
  show(`The service has made ${rows} rows, ${bytes} bytes${rest}`);
}

function show(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`);
}
