// How an image comes onto the canvas.

/** Where an image lies on a canvas so that it is whole and as large as it can be. */
export const contain = (image, canvas) => {
  const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  return { x: Math.round((canvas.width - width) / 2), y: Math.round((canvas.height - height) / 2),
    width, height };
};

/** What was done to an image, in one line, or null where nothing was. */
export const fitLine = (name, image, canvas) => {
  const { width, height } = contain(image, canvas);
  if (image.width === canvas.width && image.height === canvas.height) return null;
  const round = width < canvas.width || height < canvas.height ? ", with white around it" : "";
  return `${name} has ${image.width}×${image.height} pixels; it is fitted onto the canvas at ` +
    `${width}×${height}${round}.`;
};
