// Runs: the run folders of the studio. The studio's engine has what this view needs.
import { make } from "../parts/dom.js";

/** Makes the view in `root`. */
export const mount = async (root) => {
  root.append(make("h1", {}, "Runs"));
};
