// What the types are for, checked by `cargo xtask types`: a call that knows what goes in and comes out.

import { actions, type ActionKey, type Actions, type Answer, type Done, type Failed, type Problem } from "./pts";

type Answered = { [K in ActionKey]: Actions[K]["binding"] extends "query" | "command" ? K : never }[ActionKey];

export async function act<K extends Answered>(
  key: K,
  input: Actions[K]["input"],
): Promise<Done<Actions[K]["output"]>> {
  const body = JSON.stringify({ actionKey: key, payload: input });
  const headers = { "content-type": "application/json" };
  const response = await fetch("/v1/actions", { method: "POST", headers, body });
  if (!response.ok) {
    throw new Error(((await response.json()) as Failed).error.message);
  }
  return (await response.json()) as Done<Actions[K]["output"]>;
}

export function isWhole(answer: Answer<unknown>): boolean {
  return answer.coverage.complete;
}

export async function example(): Promise<string[]> {
  const found = await act("platform.events.search", { type: ["deployment.*"], limit: 5 });
  const states = (found.meta.coverage?.sources ?? []).map((source) => source.state);
  // @ts-expect-error a limit is a number
  await act("platform.events.search", { limit: "5" });
  // @ts-expect-error a stream has no answer
  await act("platform.events.stream", {});
  const method: "GET" = actions["platform.events.search"].method;
  return [method, ...states, ...found.data.map((event) => event.type)];
}

export function text(problem: Problem): string {
  return problem.errors?.map((error) => `${error.field}: ${error.expected}`).join() ?? problem.detail;
}
