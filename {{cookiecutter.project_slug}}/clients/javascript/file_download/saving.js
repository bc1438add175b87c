// Save a file in Node: until it is complete it is `path` with `.part` behind, and `.etag` beside it.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

import { Changed, downloadChunks } from "../file_download.js";

/**
 * Downloads to `path`, or goes on where an earlier call has ended; returns the size.
 *
 * @param {string | URL} url
 * @param {string} path
 * @param {import("../streaming/connection.js").ConnectionOptions
 *   & { onProgress?: (cursor: { have: number, total?: number }) => void }} [options]
 */
export async function save(url, path, options = {}) {
  const [part, etagFile] = [`${path}.part`, `${path}.etag`];
  const etag = await readFile(etagFile, "utf8").catch(() => undefined);
  const { size } = await stat(etag ? part : "").catch(() => ({ size: 0 }));
  // The last byte comes again, so that there is an answer when none is missing, with its digest.
  const cursor = { have: Math.max(size - 1, 0), etag };
  if (cursor.have) await truncate(part, cursor.have);
  try {
    await append(url, part, etagFile, cursor, options);
  } catch (error) {
    if (!(error instanceof Changed)) throw error;
    await rm(etagFile);
    return save(url, path, options);
  }
  if (cursor.digest && cursor.digest !== (await sha256(part))) {
    await Promise.all([rm(part), rm(etagFile, { force: true })]);
    throw new Error("The SHA-256 of what has come is not that of the file.");
  }
  await rename(part, path);
  await rm(etagFile, { force: true });
  return (await stat(path)).size;
}

async function append(url, part, etagFile, cursor, { onProgress = () => {}, ...options }) {
  let known = cursor.etag;
  let file = cursor.have ? await open(part, "a") : undefined;
  try {
    for await (const chunk of downloadChunks(url, { cursor, ...options })) {
      // Emptied before its new ETag: a kill must not join two versions.
      file ??= await open(part, "w");
      if (cursor.etag?.startsWith('"') && cursor.etag !== known) {
        await writeFile(etagFile, cursor.etag);
        known = cursor.etag; // once: a kill meanwhile would leave none
      }
      await file.writeFile(chunk);
      onProgress(cursor);
    }
    file ??= await open(part, "w"); // an empty file
  } finally {
    await file?.close();
  }
}

async function sha256(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("base64");
}
