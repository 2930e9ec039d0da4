// Facts of a run in words.
import { short } from "../parts/scales.js";
import { duration, perStep } from "../train/words.js";
import { STAGES } from "./order.js";

/** Bytes as people say them. */
export const bytes = (count) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
};

/** How far a run is, in a line. */
export const progressLine = ({ step, steps, epoch, secondsPerStep, secondsLeft, memory }) => [
  steps ? `step ${step} of ${steps}` : `step ${step}`,
  epoch ? `epoch ${epoch}` : null,
  secondsPerStep ? perStep(secondsPerStep) : null,
  secondsLeft === null || secondsLeft === undefined ? null : `${duration(secondsLeft)} left`,
  memory ? bytes(memory) : null,
].filter(Boolean).join(" · ");

/** What is known of a run, as rows [title, text]. */
export const facts = (run) => [
  ["Stage", STAGES[run.stage] ?? run.stage],
  ["Throughput", run.secondsPerStep ? perStep(run.secondsPerStep) : null],
  ["Time left", Number.isFinite(run.secondsLeft) ? duration(run.secondsLeft) : null],
  ["Time so far", Number.isFinite(run.seconds) ? duration(run.seconds) : null],
  ["Device memory", run.memory ? `${bytes(run.memory)}, as planned` : null],
  ["Best held-out score", run.best
    ? `${run.metric ?? "score"} ${short(run.best.value)} at step ${run.best.step}` : null],
  ["Device", run.adapter],
  ["Data", run.dataset ?? "the bundled pairs"],
  ["Training pairs", run.pairs],
  ["Image size", run.size ? `${run.size}×${run.size}, ${run.direction ?? ""}` : null],
  ["Process", run.alive ? run.process : null],
].filter(([, value]) => value !== null && value !== undefined).map(([title, value]) =>
  [title, String(value)]);
