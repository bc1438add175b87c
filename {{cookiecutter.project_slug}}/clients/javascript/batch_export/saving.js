// Save an export in Node, which gets its name only when it is whole. Until then it is `path` with
// `.part` behind, or what has come of a job lies in a folder with `.parts` behind its name.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { exportChunks, TruncatedExport } from "../batch_export.js";
import { ask, Refused, retrying } from "../streaming/connection.js";
import {
  checkParallel,
  headerLength,
  JobFailed,
  removeJob,
  segmentChunks,
  startJob,
  waitForSegments,
} from "./job.js";

const HEADER_BYTES = 1024 * 1024;
const JOINED = ["csv", "jsonl"];
const NO_LONGER_THERE = [404, 410];

/** Saves the export that comes as one stream; one that breaks off is begun again. */
export async function saveDirect(url, path, { showProgress, parallel, ...options }) {
  await checkTarget(path);
  const part = `${path}.part`;
  const save = async function* () {
    try {
      const chunks = exportChunks(url, { ...options, attempts: 1 });
      await pipeline(chunks, counted(showProgress), createWriteStream(part));
    } catch (error) {
      await rm(part, { force: true });
      if (!(error instanceof TruncatedExport)) throw error;
      throw new Error(error.message); // here another attempt mends it
    }
  };
  for await (const _ of retrying(save, options));
  await rename(part, path);
}

function counted(showProgress) {
  return async function* (chunks) {
    let bytes = 0;
    for await (const chunk of chunks) {
      showProgress(`${(bytes += chunk.length)} bytes`);
      yield chunk;
    }
  };
}

/**
 * CSV and JSON Lines become the file `path`, other formats a folder of that name. Throws when that
 * is a folder with anything but an export of this format.
 */
export async function saveJob(url, path, { format, parallel, showProgress, ...options }) {
  checkParallel(parallel);
  await checkTarget(path, JOINED.includes(format) ? undefined : format);
  const parts = `${path}.parts`;
  const job = await findJob(parts, url, format, options);
  const onProgress = (progress) => showProgress(describe(progress));
  const segments = await waitForSegments(job, { onProgress, ...options });
  const files = segments.map((_, index) => join(parts, `${String(index + 1).padStart(5, "0")}.${format}`));
  const waiting = segments.map((segment, index) => [segment, files[index]]);
  const work = async () => {
    for (let next; (next = waiting.shift()); showProgress(`${waiting.length} segments to come`)) {
      await fetchSegment(...next, options);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  if (JOINED.includes(format)) {
    await joinFiles(files, `${path}.part`, format === "csv");
    await rename(`${path}.part`, path);
    await rm(parts, { recursive: true });
  } else {
    await checkTarget(path, format); // the job may have taken hours
    await rm(join(parts, "job.json"));
    await rm(path, { recursive: true, force: true });
    await rename(parts, path);
  }
  await removeJob(job, { ...options, attempts: 1 }).catch(() => {});
}

/** Throws for a folder, but not for one with segments of `format` alone, which may be replaced. */
async function checkTarget(path, format) {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return;
  if (!format) throw new Error(`${path} is a folder.`);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const [, extension] = /^\d{5,}\.(\w+)$/.exec(entry.name) ?? [];
    if (extension === format && entry.isFile()) continue;
    throw new Error(`${path} is a folder with more than an export: ${entry.name}`);
  }
}

/** The job of an earlier call for the same, if it is still there, or a new one. */
async function findJob(parts, url, format, options) {
  const note = join(parts, "job.json");
  const earlier = JSON.parse(await readFile(note, "utf8").catch(() => "{}"));
  if (earlier.asked === `${format} ${url}` && (await isOfUse(earlier.job, options))) return earlier.job;
  await rm(parts, { recursive: true, force: true });
  const job = await startJob(url, { format, ...options });
  await mkdir(parts, { recursive: true });
  await writeFile(note, JSON.stringify({ asked: `${format} ${url}`, job }));
  return job;
}

async function isOfUse(job, options) {
  try {
    const { status } = await ask(job, {}, options, (response) => response.json());
    return !["failed", "cancelled"].includes(status);
  } catch (error) {
    if (error instanceof Refused && NO_LONGER_THERE.includes(error.response.status)) return false;
    throw error;
  }
}

async function fetchSegment(segment, file, options) {
  if (await isWhole(segment, file)) return;
  const start = await sizeOf(file);
  await pipeline(segmentChunks(segment, { start, ...options }), createWriteStream(file, { flags: "a" }));
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

/** The bytes of a file, or of all that are in a folder; 0 if there is none. */
export async function sizeOf(path) {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return found?.size ?? 0;
  const files = (await readdir(path)).map((name) => sizeOf(join(path, name)));
  return (await Promise.all(files)).reduce((sum, size) => sum + size, 0);
}

function describe({ rows, bytes, percent, seconds_left: left }) {
  const rest = percent === null ? "" : `, ${Math.round(percent)} %, ${Math.round(left)} s left`;
  return `The service has made ${rows} rows, ${bytes} bytes${rest}`;
}
