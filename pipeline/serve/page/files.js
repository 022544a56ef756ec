// Files that were dropped, in folders too, and which of them are DICOM.

const BESIDE = /(^|\/)(\.|DICOMDIR$|Thumbs\.db$)/; // what systems put beside radiographs

/** All files of a drop, from folders too. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(below))).flat().filter((file) => !BESIDE.test(file.name));
}

async function below(entry) {
  if (entry.isFile) return [await new Promise((take, fail) => entry.file(take, fail))];
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives at most a hundred at a time
    const some = await new Promise((take, fail) => reader.readEntries(take, fail));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(below))).flat());
  }
}

export async function isDicom(file) {
  return (await file.slice(128, 132).text()) === "DICM";
}
