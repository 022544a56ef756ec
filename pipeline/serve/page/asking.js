// From files to answers: which files are sent together, and what becomes of each.

import * as api from "./api.js";
import { isDicom, studyOf } from "./files.js";
import * as films from "./films.js";

// In a request, unless one study alone holds more. The service tells no limits; these lie within its defaults.
const TOGETHER = { files: 16, bytes: 32 * 2 ** 20 };
const FEWER_MAY_PASS = [0, 408, 413, 500, 502, 503, 504]; // statuses of a request of several files
const TRIES = 3; // of an answer, while one model takes over from another

const records = new Map(); // by sha256: all that GET /model said of each model
let latest = null;
let onmodel = () => {};

/** Say who hears of the model that answered last. */
export function listTo(show) {
  onmodel = show;
}

/** Put files on the list and read them: DICOM files by studies, others one by one. */
export async function open(files, isDrawn = false) {
  const added = films.add(files, isDrawn);
  const dicom = [];
  for (const film of added) if (await isDicom(film.file)) dicom.push(film);
  const alone = dicom.length > 1 ? added.filter((film) => !dicom.includes(film)) : added;
  if (dicom.length > 1) for (const studies of requests(await byStudy(dicom))) await readStudies(studies);
  for (const film of alone) await read(film);
}

/** Films by the study that their files name, in the order of the first; those that name none here are together. */
async function byStudy(some) {
  const named = new Map();
  for (const film of some) {
    const study = await studyOf(film.file);
    named.set(study, [...(named.get(study) ?? []), film]);
  }
  return [...named.values()];
}

/** Studies, request by request; none is parted. */
function requests(studies) {
  const all = [];
  for (const study of studies) {
    if (!all.length || !fits([...all.at(-1), study].flat())) all.push([]);
    all.at(-1).push(study);
  }
  return all;
}

const fits = (some) =>
  some.length <= TOGETHER.files && some.reduce((sum, film) => sum + film.file.size, 0) <= TOGETHER.bytes;

/** Read studies together, so that the service answers each as one; where it cannot, each alone, then file by file. */
async function readStudies(studies) {
  const some = studies.flat();
  if (some.length === 1) return read(some[0]);
  const named = some.map((film, at) => new File([film.file], `${at}`)); // names may occur twice: places do not
  const answer = await asked(() => api.study(named)).catch(failed);
  const parts = answer.state !== "failed" ? lacksRoom(answer) : FEWER_MAY_PASS.includes(answer.error.status);
  if (parts && studies.length > 1) {
    for (const study of studies) await readStudies([study]);
  } else if (answer.state !== "failed") {
    await settleStudies(some, answer);
  } else if (parts) {
    await readOneByOne(some, answer.error);
  } else {
    for (const film of some) await films.settle(film, answer);
  }
}

/** Whether a file was refused that another request may take: a request holds so many pixels in all. */
const lacksRoom = ({ studies }) => studies.some(({ views }) => views.some(({ error }) => error?.reason === "too_large"));

async function settleStudies(some, { studies, model, record }) {
  for (const { decision, views } of studies) {
    const words = decision ? `Study of ${views.length}: ${decision}` : `Study of ${views.length}`;
    const study = views.length > 1 ? { words } : undefined;
    for (const result of views) await films.settle(some[Number(result.path)], done(result, model, record, study));
  }
  films.arrange(some);
}

/** Read films that cannot be read together, and say that no study was formed of them. */
async function readOneByOne(some, { title }) {
  const study = { words: `${some.length} files read one by one, no study formed. Together: ${title}` };
  for (const film of some) {
    film.study = study;
    await read(film);
  }
  films.arrange(some);
}

async function read(film) {
  const answer = await asked(() => api.predict(film.file)).catch(failed);
  if (answer.state === "failed") return films.settle(film, answer);
  await films.settle(film, done(answer.results[0], answer.model, answer.record, film.study));
}

const done = (result, answeredBy, record, study) => ({ state: "done", result, answeredBy, model: record, study });

/** An answer, with the `record` of the very model that gave it; asked again while another takes over. */
async function asked(ask) {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const answer = await ask();
    const record = records.get(answer.model.sha256) ?? await lookUp();
    if (record.model.sha256 !== answer.model.sha256) continue;
    tell(record);
    return { ...answer, record };
  }
  throw new api.ServiceError(409, `The answers came from another model than GET /model describes, ${TRIES} times.`);
}

/** Ask which model answers now, and all that the service says of it. */
export async function lookUp() {
  const record = await api.get("model");
  records.set(record.model.sha256, record);
  tell(record);
  return record;
}

function tell(record) {
  if (record !== latest) onmodel(record);
  latest = record;
}

/** What is shown in place of an answer. */
export function failed(error) {
  const foreseen = error instanceof api.ServiceError;
  const other = { title: "Something failed", advice: "Reload the page.", detail: String(error) };
  return { state: "failed", error: foreseen ? error : other };
}
