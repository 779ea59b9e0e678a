// The live tail: events as the server sends them. The browser reconnects by itself and resumes
// behind the last event it saw.

import { Problem, query, signInAgain } from "./api.js";

/**
 * Follows a stream until the returned function is called. `onItem` gets each event, `onState` one
 * of "connecting", "live", "ended", and `onProblem` why it cannot go on.
 */
export function follow(path, parameters, { onItem, onState, onProblem }) {
  const source = new EventSource(`${path}?${query(parameters)}`);
  onState("connecting");
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("message", (message) => onItem(JSON.parse(message.data)));
  source.addEventListener("problem", (message) => {
    const problem = JSON.parse(message.data);
    if (problem.status === 401) {
      source.close();
      signInAgain();
    } else {
      onProblem(new Problem(problem));
    }
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) {
      onState("ended");
      onProblem(new Problem({ title: "The live tail ended", detail: "The server closed it; switch it on again." }));
    } else {
      onState("connecting");
    }
  });
  return () => source.close();
}
