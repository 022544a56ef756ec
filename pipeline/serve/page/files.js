// Files that were dropped, in folders too, which of them are DICOM, and of which study.

const HEAD_BYTES = 2 ** 16;
// The tag (0020,000D) in little endian, then VR and length or a length alone, then the UID.
const STUDY_UID = / \0\r\0(?:UI..|..\0\0)([\d.]+)/s;
const BESIDE = /(^|\/)(\.|DICOMDIR$|Thumbs\.db$)/; // what systems put beside radiographs

/** All files of a drop, from folders too. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(below))).flat().filter((file) => !BESIDE.test(file.name));
}

async function below(entry) {
  if (entry.isFile) return [await new Promise((take) => entry.file(take, () => take(unreadable(entry))))];
  const reader = entry.createReader();
  const inside = [];
  for (;;) { // a reader gives at most a hundred at a time, in no order
    const some = await new Promise((take) => reader.readEntries(take, () => take([])));
    if (!some.length) break;
    inside.push(...some);
  }
  inside.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  return (await Promise.all(inside.map(below))).flat();
}

/** In place of a file that the browser may not read: its name, and nothing in it. */
const unreadable = ({ name }) => new File([], name);

export async function isDicom(file) {
  return (await file.slice(128, 132).text().catch(() => "")) === "DICM"; // one that is gone fails when it is sent
}

/** The StudyInstanceUID that a DICOM file names; "" where none is seen, as in one that is deflated. */
export async function studyOf(file) {
  const head = await file.slice(0, HEAD_BYTES).arrayBuffer().catch(() => new ArrayBuffer(0));
  return new TextDecoder("latin1").decode(head).match(STUDY_UID)?.[1] ?? "";
}
