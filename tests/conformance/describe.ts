/**
 * Scripts to be read by people.
 *
 * @module
 */

import type { Role, Run, Script, Step } from "./scripts.ts";

/** One line for a script's step or action: `enable self -1`. */
export function describeStep(step: Step): string {
  return Object.values(step).map(String).join(" ");
}

/** One line for each role, run and step. */
export function describeScript({ roles, steps }: Script): string {
  return [...roles.flatMap(describeRole), ...steps.map((step) => `then ${describeStep(step)}`)].join("\n");
}

function describeRole(role: Role, number: number): string[] {
  const { type, hasCallback, level, enabled, prepares, runs, prepareRuns } = role;
  const remarks = [
    enabled === undefined ? "" : `, enabled ${enabled}`,
    prepares ? ", may prepare" : "",
    hasCallback ? "" : ", no callback",
  ];
  const details = {
    io: `${role.descriptor} for ${role.events.toString(16)}`,
    time: `clock ${role.clock}, ${role.relative ? "in " : ""}${role.usec} within ${role.accuracy}`,
    signal: `${role.signal}`,
    defer: "",
    post: "",
    exit: "",
  };
  return [
    `role ${number}: ${type} ${details[type]} at level ${level}${remarks.join("")}`,
    ...describeRuns("run", runs),
    ...(prepares ? describeRuns("prepare run", prepareRuns) : []),
  ];
}

function describeRuns(kind: string, runs: readonly Run[]): string[] {
  return runs.map(({ actions, result }, number) => `  ${kind} ${number}: ${[...actions.map(describeStep), `answer ${result}`].join(", ")}`);
}
