// Prints the elements of the array at the URL argv[3], with the client at argv[2].
const { readArray } = await import(process.argv[2]);
const isBig = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
for await (const record of readArray(process.argv[3])) console.log(JSON.stringify(record, isBig));
