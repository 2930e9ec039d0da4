// Pictures from outside: a file, a drop, the clipboard, the camera, an example.
import { make } from "../parts/dom.js";
import { dialog } from "../parts/dialog.js";
import { failed, toast } from "../parts/toast.js";
import { isModel } from "../app.js";
import { fitLine } from "./fit.js";

/** Puts an image file onto the board, and says if it was fitted. */
export const placeFile = async (board, file) => {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    failed(new Error(`${file.name || "That"} is no picture that this browser reads: give a PNG, ` +
      "JPEG or WebP file."));
    return;
  }
  const line = fitLine(file.name || "The picture", image, board.canvas);
  board.place(image);
  image.close();
  if (line) toast(line);
};

/** A button that asks for a file. */
export const fileButton = (label, icon, accept, taken) => {
  const input = make("input", { type: "file", accept, class: "unseen", tabindex: -1,
    "aria-hidden": "true", on: { change: () => {
      const [file] = input.files;
      if (file) taken(file);
      input.value = "";
    } } });
  const button = make("button", { type: "button", on: { click: () => input.click() } }, icon,
    label);
  return make("span", {}, button, input);
};

/** Files that are dropped on the element or pasted while it is shown. */
export const takeFiles = (element, board, openModel) => {
  const take = (files) => {
    for (const file of files) {
      if (isModel(file.name)) openModel(file);
      else if (file.type.startsWith("image/")) placeFile(board, file);
      else failed(new Error(`${file.name} is neither a picture nor a model: give a PNG, JPEG or ` +
        "WebP file, or a .safetensors or .pth file."));
    }
  };
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  element.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("over");
  });
  element.addEventListener("drop", (event) => {
    element.classList.remove("over");
    if (!hasFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (element.hidden || event.clipboardData.files.length === 0) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
};

const REFUSED = {
  NotAllowedError: "The camera was refused: allow it in the address bar of the browser, and try " +
    "again.",
  NotFoundError: "No camera was found: connect one, or open a picture from a file.",
  NotReadableError: "Another program holds the camera: close it there, and try again.",
};

/** A dialog with the camera's picture; the taken one comes onto the board. */
export const camera = async (board) => {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    failed(new Error(REFUSED[error?.name] ?? "There is no camera here: this page needs https:// " +
      "or localhost for it; open a picture from a file."));
    return;
  }
  const video = make("video", { autoplay: true, playsinline: true, muted: true });
  video.muted = true;
  video.srcObject = stream;
  const shot = make("button", { type: "button", class: "main", on: { click: async () => {
    if (!video.videoWidth) return;
    const image = await createImageBitmap(video);
    board.place(image);
    image.close();
    box.close();
  } } }, "Take the picture");
  const box = dialog("Camera", video, shot);
  await box.closed;
  stream.getTracks().forEach((track) => track.stop());
};
