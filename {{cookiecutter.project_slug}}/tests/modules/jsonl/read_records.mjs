// Reads URLs from stdin with the client at argv[2], and prints the records of each as one line.
import { createInterface } from "node:readline";

const { readRecords, stringify } = await import(process.argv[2]);
for await (const url of createInterface({ input: process.stdin })) {
  const records = [];
  for await (const record of readRecords(url, { attempts: 1 })) records.push(record);
  console.log(stringify(records));
}
