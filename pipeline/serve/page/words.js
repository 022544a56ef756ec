// What the service answers, in words for whoever reads radiographs.

export const DECISIONS = {
  "fracture": {
    title: "Fracture", tone: "fracture",
    means: "The probability reaches the high-specificity threshold: a fracture is likely.",
  },
  "needs review": {
    title: "Needs review", tone: "review",
    means: "The probability lies between the two thresholds: neither cleared nor called. Somebody has to look.",
  },
  "no finding": {
    title: "No finding", tone: "clear",
    means: "The probability stays below the high-sensitivity threshold. That does not rule a fracture out.",
  },
  "out of scope": {
    title: "Out of scope", tone: "refused",
    means: "The model gives no answer: the radiograph is too unlike those that it learnt from.",
  },
};

// Reasons of refusal, by the codes of `pipeline.files.faults`; others are told by the service's own words.
const NOT_RADIOGRAPH = "Send the radiograph itself, as the device or the archive exports it.";
const DAMAGED = "Get the file anew from where it comes from.";
const REFUSALS = {
  photograph: ["Not a radiograph", `It looks like a photograph. ${NOT_RADIOGRAPH}`],
  drawing: ["Not a radiograph", `It looks like a screenshot or a drawing. ${NOT_RADIOGRAPH}`],
  cross_section: ["Not a radiograph", `It looks like a slice of MRI, CT or ultrasound. ${NOT_RADIOGRAPH}`],
  not_a_radiograph: ["Not a radiograph", "Its DICOM header names another kind of examination."],
  not_an_image: ["Not an image", "Send JPEG, PNG, GIF, BMP, WebP, TIFF or DICOM."],
  multi_frame: ["More than one image in the file", "Export the one that you mean on its own."],
  no_pixels: ["No image in the file", "This DICOM file holds a report or a header alone."],
  no_decoder: ["Not readable here", "Export it without compression, or as JPEG, RLE or JPEG 2000."],
  too_small: ["Too small", "Send the image in full size, no preview of it."],
  too_large: ["Too large", "Send a smaller export, or ask whoever runs this service to raise its limit."],
  blank: ["Nothing to be seen", "The image is blank. Check the export."],
  broken: ["Damaged", DAMAGED], truncated: ["Cut off", DAMAGED], half_grey: ["Cut off", DAMAGED],
  empty_file: ["Empty", DAMAGED],
};

/** Title and advice for a file that was refused. */
export function refusal({ reason, detail }) {
  const [title, advice] = REFUSALS[reason] ?? [reason.replaceAll("_", " "), "Try another file."];
  return { title, detail, advice };
}

const FAILURES = {
  0: ["The service cannot be reached", "Check that it runs, and that this computer is on its network."],
  401: ["A token is needed", "Ask whoever runs this service for one."],
  408: ["Too slow", "The files took too long to arrive. Send fewer at once, or over a faster network."],
  409: ["The model has changed", "Send the radiograph again, and read the new answer."],
  413: ["Too large to send", "Send fewer or smaller files, or ask for a higher limit."],
  415: ["Not a kind of file that is read here", "Send JPEG, PNG, GIF, BMP, WebP, TIFF or DICOM."],
  422: ["Refused", "The words below say what is wrong with it."],
  429: ["The service is busy", "Wait a moment, then try again."],
  503: ["The service is not ready", "It loads a model or is about to stop. Try again in a minute."],
  507: ["No space left on the service's disk", "Nothing was stored. Tell whoever runs it."],
};

/** Title and advice for a request that failed as a whole. */
export function failure(status, reason) {
  return FAILURES[reason === "busy" ? 429 : status] ?? ["The service failed", "Try again. Tell whoever runs it, with the words below."];
}

/** Title, purpose, and how a radiograph stands there: above the threshold, or below. */
export const POINTS = {
  high_sensitivity: {
    title: "High-sensitivity point", purpose: "Set so that few fractures are missed.",
    above: "Reached: the radiograph is not cleared.", below: "Not reached: no finding.",
  },
  high_specificity: {
    title: "High-specificity point", purpose: "Set so that few sound radiographs are called fractured.",
    above: "Reached: called a fracture.", below: "Not reached: not called a fracture.",
  },
};

export const KEYS = [
  ["o", "open radiographs"], ["n, p", "next, previous radiograph"],
  ["+, -, 0", "zoom in, out, whole image"], ["arrows", "pan, while the image has the focus"],
  ["i", "invert"], ["w", "window as it was sent"], ["m", "map on or off"], ["[, ]", "map fainter, stronger"],
  ["x", "boxes on or off"], ["a, d", "agree, disagree"], ["b", "a box of yours, in the middle of the view"],
  ["arrows, Shift+arrows, Delete", "move, size, remove the box that has the focus"], ["?", "these keys"],
];
