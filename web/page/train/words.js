// Times in words.

/** Seconds as people say them. */
export const duration = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return `${hours} h ${minutes % 60} min`;
};

/** How long a step takes, or how many there are in a second. */
export const perStep = (seconds) => (seconds < 0.1 ? `${(1 / seconds).toFixed(1)} steps/s`
  : `${seconds.toFixed(2)} s a step`);

/** How long ago that was. */
export const ago = (when, now = Date.now()) => {
  const seconds = (now - when) / 1000;
  return seconds < 10 ? "just now" : `${duration(seconds)} ago`;
};
